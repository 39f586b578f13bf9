using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Product, quotient or sum of two tensors, of which the second may be repeated over pixels or channels, and its epilogue. One thread per
/// quad of channels of one pixel, or per channel where the number of channels is no multiple of 4.
/// </summary>
internal static class Combine
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>
    /// Computes one element; <paramref name="count"/> and <paramref name="channels"/> are counted in <typeparamref name="T"/>.
    /// </summary>
    public static void Kernel<T>(int count, int channels, CombineShape shape, Operands operands, Epilogue epilogue)
        where T : unmanaged, IChannels<T>
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int pixel = i / channels;
        int channel = i - pixel * channels;
        // A pixel of all images, or an image: what the second tensor has values for.
        int place = shape.PerPixel != 0 ? pixel : pixel / shape.Pixels;
        T other = T.Zero;
        if (shape.PerChannel != 0) other = operands.Filter.Cast<T>()[place * channels + channel];
        else other = T.Broadcast(operands.Filter[place]);
        T residual = epilogue.HasResidual != 0 ? operands.Residual.Cast<T>()[i] : T.Zero;
        operands.Output.Cast<T>()[i] = T.FinishActivated(
            epilogue,
            T.Combine(shape.Operation, operands.Input.Cast<T>()[i], other),
            operands.Scale.Cast<T>()[channel],
            operands.Shift.Cast<T>()[channel],
            residual,
            T.Broadcast(epilogue.Alpha));
    }
}

/// <summary>Loads and launches <see cref="Combine"/>.</summary>
internal sealed class CombineLauncher(IKernelLoader loader)
{
    private readonly ChannelKernel<Action<AcceleratorStream, KernelConfig, int, int, CombineShape, Operands, Epilogue>> kernel = new(
        () => loader.Load<int, int, CombineShape, Operands, Epilogue>(Combine.Kernel<Float4>),
        () => loader.Load<int, int, CombineShape, Operands, Epilogue>(Combine.Kernel<Float1>));

    /// <inheritdoc cref="IKernelFamily.LoadCombine"/>
    public Task Load(int channels) => kernel.Load(channels);

    /// <inheritdoc cref="IKernelFamily.Combine"/>
    public void Launch(AcceleratorStream stream, in CombineShape shape, in Operands operands, Epilogue epilogue)
    {
        var trimmed = new Operands(
            TiledLaunch.Trim(operands.Input, shape.Length),
            TiledLaunch.Trim(operands.Filter, shape.OtherLength),
            TiledLaunch.Trim(operands.Scale, shape.C),
            TiledLaunch.Trim(operands.Shift, shape.C),
            TiledLaunch.TrimResidual(operands, epilogue, shape.Length),
            TiledLaunch.Trim(operands.Output, shape.Length));
        int width = ChannelKernel.Width(shape.C);
        int count = (int)shape.Length / width;
        kernel.Launch(shape.C)(stream, TiledLaunch.Flat(count, Combine.GroupSize), count, shape.C / width, shape, trimmed, epilogue);
    }
}
