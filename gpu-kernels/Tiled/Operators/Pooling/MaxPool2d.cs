using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Maximum over a window, <c>[N, H, W, C]</c> to <c>[N, P, Q, C]</c>. One thread per quad of channels of one output pixel,
/// or per channel where C is no multiple of 4; neighbouring threads compute neighbouring channels.
/// </summary>
internal static class MaxPool2d
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>Computes one output; <paramref name="channels"/> is counted in <typeparamref name="T"/>.</summary>
    public static void Kernel<T>(Pool2dShape shape, int channels, ArrayView<float> input, ArrayView<float> output)
        where T : unmanaged, IChannels<T>
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= shape.N * shape.P * shape.Q * channels) return;
        PoolWindow window = PoolWindow.Of(shape, i / channels);
        int channel = i % channels;
        ArrayView<T> source = input.Cast<T>();
        T maximum = T.Broadcast(window.LeastMaximum(shape));
        for (int r = 0; r < window.Rows; r++)
        {
            int h = window.FirstH + r * shape.DilationH;
            int first = (window.Image * shape.H + h) * shape.W + window.FirstW;
            for (int s = 0; s < window.Columns; s++)
                maximum = T.Max(maximum, source[(first + s * shape.DilationW) * channels + channel]);
        }
        output.Cast<T>()[i] = maximum;
    }
}

/// <summary>Loads and launches <see cref="MaxPool2d"/>.</summary>
internal sealed class MaxPool2dLauncher(IKernelLoader loader)
{
    private readonly ChannelKernel<
        Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>>> kernel = new(
        () => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(MaxPool2d.Kernel<Float4>),
        () => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(MaxPool2d.Kernel<Float1>));

    /// <inheritdoc cref="IKernelFamily.LoadMaxPool2d"/>
    public Task Load(int channels) => kernel.Load(channels);

    /// <inheritdoc cref="IKernelFamily.MaxPool2d"/>
    public void Launch(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        ArrayView<float> source = TiledLaunch.Trim(input, shape.InputLength), target = TiledLaunch.Trim(output, shape.OutputLength);
        int width = ChannelKernel.Width(shape.C);
        KernelConfig config = TiledLaunch.Flat(target.IntLength / width, MaxPool2d.GroupSize);
        kernel.Launch(shape.C)(stream, config, shape, shape.C / width, source, target);
    }
}
