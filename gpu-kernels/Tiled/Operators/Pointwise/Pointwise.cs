using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The epilogue without a convolution, over <c>[pixels, channels]</c>. One thread per quad of channels of one pixel, or per channel where
/// the number of channels is no multiple of 4; neighbouring threads access neighbouring memory.
/// </summary>
internal static class Pointwise
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

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
        operands.Output.Cast<T>()[i] = T.Finish(
            new EpilogueBounds(epilogue),
            operands.Input.Cast<T>()[i],
            operands.Scale.Cast<T>()[channel],
            operands.Shift.Cast<T>()[channel],
            residual);
    }
}

/// <summary>Loads and launches <see cref="Pointwise"/>, <see cref="ActivatedPointwise"/> and <see cref="ActivateInPlace"/>.</summary>
internal sealed class PointwiseLauncher(IKernelLoader loader)
{
    private readonly ChannelKernel<Action<AcceleratorStream, KernelConfig, int, int, Operands, Epilogue>> kernel = new(
        () => loader.Load<int, int, Operands, Epilogue>(Pointwise.Kernel<Float4>),
        () => loader.Load<int, int, Operands, Epilogue>(Pointwise.Kernel<Float1>));

    private readonly ChannelKernel<Action<AcceleratorStream, KernelConfig, int, int, Operands, Epilogue>> activated = new(
        () => loader.Load<int, int, Operands, Epilogue>(ActivatedPointwise.Kernel<Float4>),
        () => loader.Load<int, int, Operands, Epilogue>(ActivatedPointwise.Kernel<Float1>));

    private readonly ChannelKernel<Action<AcceleratorStream, KernelConfig, int, ArrayView<float>, Epilogue>> inPlace = new(
        () => loader.Load<int, ArrayView<float>, Epilogue>(ActivateInPlace.Kernel<Float4>),
        () => loader.Load<int, ArrayView<float>, Epilogue>(ActivateInPlace.Kernel<Float1>));

    /// <summary>Begins to compile what <see cref="LaunchInPlace"/> needs for a number of channels.</summary>
    public Task LoadInPlace(int channels) => inPlace.Load(channels);

    /// <inheritdoc cref="IKernelFamily.LoadPointwise"/>
    public Task Load(int channels, bool isActivated) => (isActivated ? activated : kernel).Load(channels);

    /// <inheritdoc cref="IKernelFamily.Pointwise"/>
    public void Launch(AcceleratorStream stream, int pixels, int channels, in Operands operands, Epilogue epilogue)
    {
        long length = (long)pixels * channels;
        ArrayView<float> scale = TiledLaunch.Trim(operands.Scale, channels);
        var trimmed = new Operands(
            TiledLaunch.Trim(operands.Input, length),
            epilogue.Activation == Activation.PRelu ? TiledLaunch.Trim(operands.Filter, channels) : scale,
            scale,
            TiledLaunch.Trim(operands.Shift, channels),
            TiledLaunch.TrimResidual(operands, epilogue, length),
            TiledLaunch.Trim(operands.Output, length));
        int width = ChannelKernel.Width(channels);
        int count = (int)length / width;
        (epilogue.Activation == Activation.None ? kernel : activated).Launch(channels)(
            stream, TiledLaunch.Flat(count, Pointwise.GroupSize), count, channels / width, trimmed, epilogue);
    }

    /// <summary>Applies an activation, and a clip after it, to what a convolution has stored.</summary>
    public void LaunchInPlace(AcceleratorStream stream, int pixels, int channels, ArrayView<float> output, Epilogue epilogue)
    {
        ArrayView<float> values = TiledLaunch.Trim(output, (long)pixels * channels);
        int count = values.IntLength / ChannelKernel.Width(channels);
        inPlace.Launch(channels)(stream, TiledLaunch.Flat(count, ActivateInPlace.GroupSize), count, values, epilogue);
    }
}
