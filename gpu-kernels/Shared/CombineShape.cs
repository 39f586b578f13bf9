namespace IlgpuResNet.Kernels;

/// <summary>
/// The problem size of an operation on two tensors: <c>[N, Pixels, C]</c>, and one that is repeated over the pixels, over the channels, or
/// over neither. Blittable, so that kernels take it by value.
/// </summary>
/// <param name="Operation">One of the constants of <see cref="CombineOperation"/>.</param>
/// <param name="N">Images in the batch.</param>
/// <param name="Pixels">Pixels of an image.</param>
/// <param name="C">Channels.</param>
/// <param name="PerPixel">1 when the second tensor has values for each pixel, 0 when all pixels share them.</param>
/// <param name="PerChannel">1 when the second tensor has a value for each channel, 0 when all channels share one.</param>
internal readonly record struct CombineShape(int Operation, int N, int Pixels, int C, int PerPixel, int PerChannel)
{
    /// <summary>Elements of the first tensor and of the result.</summary>
    public long Length => (long)N * Pixels * C;

    /// <summary>Elements of one image of the second tensor.</summary>
    public int OtherImage => (PerPixel != 0 ? Pixels : 1) * (PerChannel != 0 ? C : 1);

    /// <summary>Elements of the second tensor.</summary>
    public long OtherLength => (long)N * OtherImage;
}

/// <summary>Operations on two values, as kernels take them.</summary>
internal static class CombineOperation
{
    public const int Multiply = 0;
    public const int Divide = 1;
    public const int Add = 2;
}
