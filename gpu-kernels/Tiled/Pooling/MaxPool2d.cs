using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Maximum over a window, <c>[N, H, W, C]</c> to <c>[N, P, Q, C]</c>. One thread per quad of channels of one output pixel,
/// or per channel where C is no multiple of 4; neighbouring threads take neighbouring channels.
/// </summary>
internal static class MaxPool2d
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>One output of one thread; <paramref name="channels"/> is counted in <typeparamref name="T"/>.</summary>
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
