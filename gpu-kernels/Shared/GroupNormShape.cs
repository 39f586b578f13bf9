namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of a group normalisation of <c>[N, Pixels, C]</c>: each image's channels are normalised in groups of neighbours.
/// Blittable, so that kernels take it by value.
/// </summary>
/// <param name="N">Images in the batch.</param>
/// <param name="Pixels">Pixels of an image.</param>
/// <param name="C">Channels.</param>
/// <param name="Groups">Groups of channels; divides <paramref name="C"/>.</param>
/// <param name="Epsilon">Constant added to the variance.</param>
internal readonly record struct GroupNormShape(int N, int Pixels, int C, int Groups, float Epsilon)
{
    /// <summary>Channels of a group.</summary>
    public int GroupC => C / Groups;

    /// <summary>Elements of the tensor.</summary>
    public long Length => (long)N * Pixels * C;
}
