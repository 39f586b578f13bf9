using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Resize, centre crop and normalisation of one image: two passes of integer arithmetic (<see cref="FixedPoint"/>). The horizontal pass
/// resizes the columns and rounds to bytes, as Pillow does; the vertical pass resizes the rows, and a table turns the bytes into floats.
/// One thread per output pixel; threads are numbered along the rows.
/// </summary>
internal static class Resize
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 128;

    /// <summary>Computes one pixel of <see cref="IKernelFamily.ResizeColumns"/>.</summary>
    public static void Horizontal(
        ArrayView<byte> pixels, ArrayView<int> bounds, ArrayView<int> weights, ArrayView<byte> resized, HorizontalPass pass)
    {
        int item = Grid.GlobalIndex.X;
        int row = item / pass.Columns;
        if (row >= pass.Rows) return;
        int x = item - row * pass.Columns;
        PixelLayout layout = pass.Layout;
        int address = row * pass.RowBytes + (bounds[2 * x] - pass.Start) * layout.BytesPerPixel;
        int taps = bounds[2 * x + 1];
        int r = FixedPoint.Half, g = FixedPoint.Half, b = FixedPoint.Half;
        for (int t = 0; t < taps; t++)
        {
            int weight = weights[x * pass.MaxTaps + t];
            r += pixels[address + layout.Red] * weight;
            g += pixels[address + layout.Green] * weight;
            b += pixels[address + layout.Blue] * weight;
            address += layout.BytesPerPixel;
        }
        int target = item * FixedPoint.Channels;
        resized[target] = (byte)FixedPoint.Clip8(r);
        resized[target + 1] = (byte)FixedPoint.Clip8(g);
        resized[target + 2] = (byte)FixedPoint.Clip8(b);
    }

    /// <summary>Computes one pixel of <see cref="IKernelFamily.ResizeRows"/>.</summary>
    public static void Vertical(
        ArrayView<byte> pixels, ArrayView<int> bounds, ArrayView<int> weights, ArrayView<float> table, ArrayView<float> output,
        VerticalPass pass)
    {
        int item = Grid.GlobalIndex.X;
        int row = item / pass.CropWidth;
        if (row >= pass.CropHeight) return;
        int y = row - pass.PadY;
        int x = item - row * pass.CropWidth - pass.PadX;
        int r = 0, g = 0, b = 0;
        if (y >= 0 && y < pass.Rows && x >= 0 && x < pass.Columns)
        {
            int address = ((bounds[2 * y] - pass.Start) * pass.Columns + x) * FixedPoint.Channels;
            int taps = bounds[2 * y + 1];
            r = g = b = FixedPoint.Half;
            for (int t = 0; t < taps; t++)
            {
                int weight = weights[y * pass.MaxTaps + t];
                r += pixels[address] * weight;
                g += pixels[address + 1] * weight;
                b += pixels[address + 2] * weight;
                address += pass.Columns * FixedPoint.Channels;
            }
        }
        int target = item * FixedPoint.Channels;
        output[target] = table[FixedPoint.Clip8(r) * FixedPoint.Channels];
        output[target + 1] = table[FixedPoint.Clip8(g) * FixedPoint.Channels + 1];
        output[target + 2] = table[FixedPoint.Clip8(b) * FixedPoint.Channels + 2];
    }
}

/// <summary>Loads and launches <see cref="Resize"/>.</summary>
internal sealed class ResizeLauncher(IKernelLoader loader)
{
    private readonly BackgroundLoad<Action<
        AcceleratorStream, KernelConfig, ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<byte>, HorizontalPass>> horizontal =
        new(() => loader.Load<ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<byte>, HorizontalPass>(Resize.Horizontal));

    private readonly BackgroundLoad<Action<
        AcceleratorStream, KernelConfig, ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<float>, ArrayView<float>,
        VerticalPass>> vertical =
        new(() => loader.Load<
            ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<float>, ArrayView<float>, VerticalPass>(Resize.Vertical));

    /// <summary>Begins to load both passes; the task ends when they are loaded.</summary>
    public Task Load() => Task.WhenAll(horizontal.Start(), vertical.Start());

    /// <inheritdoc cref="IKernelFamily.ResizeColumns"/>
    public void LaunchHorizontal(
        AcceleratorStream stream, in HorizontalPass pass, in ResampleAxis axis, ArrayView<byte> pixels, ArrayView<byte> resized) =>
        horizontal.Value(stream, Config(pass.Rows, pass.Columns), pixels, axis.Bounds, axis.Weights, resized, pass);

    /// <inheritdoc cref="IKernelFamily.ResizeRows"/>
    public void LaunchVertical(
        AcceleratorStream stream, in VerticalPass pass, in ResampleAxis axis, ArrayView<byte> resized, ArrayView<float> table,
        ArrayView<float> output) =>
        vertical.Value(stream, Config(pass.CropHeight, pass.CropWidth), resized, axis.Bounds, axis.Weights, table, output, pass);

    private static KernelConfig Config(int rows, int columns) =>
        new((int)IntegerMath.DivideRoundUp((long)rows * columns, Resize.GroupSize), Resize.GroupSize);
}
