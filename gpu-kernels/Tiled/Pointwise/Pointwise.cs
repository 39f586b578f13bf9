using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The epilogue alone over <c>[pixels, channels]</c>. One thread per quad of channels of one pixel, or per channel where
/// the channels are no multiple of 4; neighbouring threads touch neighbouring memory.
/// </summary>
internal static class Pointwise
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>One element of one thread; <paramref name="count"/> and <paramref name="channels"/> are counted in <typeparamref name="T"/>.</summary>
    public static void Kernel<T>(int count, int channels, Operands operands, Epilogue epilogue)
        where T : unmanaged, IChannels<T>
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int channel = i % channels;
        T residual = epilogue.HasResidual != 0 ? operands.Residual.Cast<T>()[i] : T.Zero;
        operands.Output.Cast<T>()[i] = T.Finish(
            new EpilogueBounds(epilogue),
            operands.Input.Cast<T>()[i],
            operands.Scale.Cast<T>()[channel],
            operands.Shift.Cast<T>()[channel],
            residual);
    }
}
