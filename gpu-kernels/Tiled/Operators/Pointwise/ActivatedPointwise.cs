using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// <see cref="Pointwise"/> with an <see cref="Activation"/>; threads map to elements as there.
/// </summary>
internal static class ActivatedPointwise
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = Pointwise.GroupSize;

    /// <summary>
    /// Computes one element; <paramref name="count"/> and <paramref name="channels"/> are counted in <typeparamref name="T"/>.
    /// </summary>
    public static void Kernel<T>(int count, int channels, Operands operands, Epilogue epilogue)
        where T : unmanaged, IChannels<T>
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int channel = i % channels;
        T residual = epilogue.HasResidual != 0 ? operands.Residual.Cast<T>()[i] : T.Zero;
        T slope = epilogue.Activation == Activation.PRelu ? operands.Filter.Cast<T>()[channel] : T.Broadcast(epilogue.Alpha);
        operands.Output.Cast<T>()[i] = T.FinishActivated(
            epilogue,
            operands.Input.Cast<T>()[i],
            operands.Scale.Cast<T>()[channel],
            operands.Shift.Cast<T>()[channel],
            residual,
            slope);
    }
}
