using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Mean over a window, <c>[N, H, W, C]</c> to <c>[N, P, Q, C]</c>. A group computes 32 quads of channels (or 32 channels, where C is no
/// multiple of 4) of one output pixel. 8 threads share a quad: thread y sums the window's pixels y, y + 8, and so on, then the eight sums
/// are added in order. The order is always the same, and so is the result. Grid: x over output pixels, y over channels.
/// </summary>
internal static class AveragePool2d
{
    /// <summary>Quads of channels, or channels, per group.</summary>
    public const int Lanes = 32;

    /// <summary>Threads that share one quad's window.</summary>
    public const int Slices = 8;

    /// <summary>Computes one group's channels; <paramref name="channels"/> is counted in <typeparamref name="T"/>.</summary>
    public static void Kernel<T>(Pool2dShape shape, int channels, ArrayView<float> input, ArrayView<float> output)
        where T : unmanaged, IChannels<T>
    {
        ArrayView<T> partialSums = SharedMemory.Allocate<T>(Lanes * Slices);
        int lane = Group.IdxX;
        int slice = Group.IdxY;
        int pixel = Grid.IdxX;
        int channel = Grid.IdxY * Lanes + lane;
        PoolWindow window = PoolWindow.Of(shape, pixel);

        ArrayView<T> source = input.Cast<T>();
        T sum = T.Zero;
        if (channel < channels)
        {
            for (int i = slice; i < window.Cells; i += Slices)
            {
                int h = window.FirstH + i / window.Columns * shape.DilationH;
                int w = window.FirstW + i % window.Columns * shape.DilationW;
                sum = T.Add(sum, source[((window.Image * shape.H + h) * shape.W + w) * channels + channel]);
            }
        }
        partialSums[slice * Lanes + lane] = sum;
        GroupBarrier.Sync();

        if (slice != 0 || channel >= channels) return;
        for (int other = 1; other < Slices; other++) sum = T.Add(sum, partialSums[other * Lanes + lane]);
        output.Cast<T>()[pixel * channels + channel] = T.Divide(sum, window.Divisor(shape));
    }
}

/// <summary>Loads and launches <see cref="AveragePool2d"/>.</summary>
internal sealed class AveragePool2dLauncher(IKernelLoader loader)
{
    private readonly ChannelKernel<
        Action<AcceleratorStream, KernelConfig, Pool2dShape, int, ArrayView<float>, ArrayView<float>>> kernel = new(
        () => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(AveragePool2d.Kernel<Float4>),
        () => loader.Load<Pool2dShape, int, ArrayView<float>, ArrayView<float>>(AveragePool2d.Kernel<Float1>));

    /// <inheritdoc cref="IKernelFamily.LoadAveragePool2d"/>
    public Task Load(int channels) => kernel.Load(channels);

    /// <inheritdoc cref="IKernelFamily.AveragePool2d"/>
    public void Launch(AcceleratorStream stream, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output)
    {
        ArrayView<float> source = TiledLaunch.Trim(input, shape.InputLength), target = TiledLaunch.Trim(output, shape.OutputLength);
        int channels = shape.C / ChannelKernel.Width(shape.C);
        KernelConfig config = new(
            new Index2D(shape.N * shape.P * shape.Q, IntegerMath.DivideRoundUp(channels, AveragePool2d.Lanes)),
            new Index2D(AveragePool2d.Lanes, AveragePool2d.Slices));
        kernel.Launch(shape.C)(stream, config, shape, channels, source, target);
    }
}
