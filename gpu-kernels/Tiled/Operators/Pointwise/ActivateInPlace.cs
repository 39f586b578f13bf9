using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The <see cref="Activation"/> of values that a convolution has stored, with the clip after it. One thread per quad of neighbouring
/// values, or per value.
/// </summary>
internal static class ActivateInPlace
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>Computes one element; <paramref name="count"/> is counted in <typeparamref name="T"/>.</summary>
    public static void Kernel<T>(int count, ArrayView<float> values, Epilogue epilogue)
        where T : unmanaged, IChannels<T>
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        values.Cast<T>()[i] = T.Activate(epilogue, values.Cast<T>()[i]);
    }
}
