using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>Where the bytes of a pixel's colours lie: <c>pixel * BytesPerPixel + Red</c> and so on; all equal for gray.</summary>
/// <param name="BytesPerPixel">Bytes from one pixel to the next.</param>
/// <param name="Red">Offset of the red byte.</param>
/// <param name="Green">Offset of the green byte.</param>
/// <param name="Blue">Offset of the blue byte.</param>
internal readonly record struct PixelLayout(int BytesPerPixel, int Red, int Green, int Blue);

/// <summary>The weights of one axis of a resize, in device memory.</summary>
/// <param name="Bounds">Per output the first input and the number of inputs: <c>[count, 2]</c>.</param>
/// <param name="Weights">Fixed-point weights of 22 fractional bits: <c>[count, MaxTaps]</c>.</param>
/// <param name="MaxTaps">The most inputs of any output.</param>
/// <param name="Start">The input that is the first one in memory.</param>
internal readonly record struct ResampleAxis(ArrayView<int> Bounds, ArrayView<int> Weights, int MaxTaps, int Start);

/// <summary>The problem size of the horizontal pass: pixels <c>[Rows, RowBytes]</c> to RGB <c>[Rows, Columns, 3]</c>.</summary>
/// <param name="Rows">Rows of both sides.</param>
/// <param name="Columns">Output columns.</param>
/// <param name="RowBytes">Bytes of an input row.</param>
/// <param name="Layout">Order of the bytes of an input pixel.</param>
/// <param name="MaxTaps">Weights per output column.</param>
/// <param name="Start">The input column that is the first one in memory.</param>
internal readonly record struct HorizontalPass(int Rows, int Columns, int RowBytes, PixelLayout Layout, int MaxTaps, int Start);

/// <summary>The problem size of the vertical pass: RGB <c>[rows, Columns, 3]</c> to the centre of <c>[Crop, Crop, 3]</c>.</summary>
/// <param name="Crop">Side of the output.</param>
/// <param name="Rows">Output rows with pixels; the others are black.</param>
/// <param name="Columns">Columns with pixels; the others are black.</param>
/// <param name="PadY">Black rows above.</param>
/// <param name="PadX">Black columns to the left.</param>
/// <param name="MaxTaps">Weights per output row.</param>
/// <param name="Start">The input row that is the first one in memory.</param>
internal readonly record struct VerticalPass(int Crop, int Rows, int Columns, int PadY, int PadX, int MaxTaps, int Start);

/// <summary>
/// Resize, centre crop and normalisation of one image: two passes of integer arithmetic, the columns first and rounded to
/// bytes, as Pillow does, then the rows, whose bytes become floats through a table. So there is no floating-point
/// operation on the device and every back end gives the same bits.
/// </summary>
/// <remarks>
/// A work-item computes one pixel; work-items are numbered along the rows. On the processor, where each work-item costs more than
/// a pixel, both passes are steps of the SIMD family's sequences: <see cref="PreprocessSimd"/>.
/// </remarks>
internal sealed class PreprocessKernels
{
    /// <summary>Entries of the normalisation table: one per byte value and channel, <c>[256, 3]</c>.</summary>
    public const int TableLength = 256 * Channels;

    internal const int Channels = 3;
    internal const int PrecisionBits = 22;
    internal const int RoundingHalf = 1 << (PrecisionBits - 1);
    private const int GroupSize = 128;

    /// <summary>What runs the passes on the processor; null on other devices, which have the kernels below.</summary>
    private readonly SimdKernels? simd;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<byte>, HorizontalPass>? horizontal;
    private readonly Action<AcceleratorStream, KernelConfig, ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<float>, ArrayView<float>, VerticalPass>? vertical;

    /// <summary>Loads the kernels of a GPU.</summary>
    public PreprocessKernels(IKernelLoader loader)
    {
        horizontal = loader.Load<ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<byte>, HorizontalPass>(Horizontal);
        vertical = loader.Load<ArrayView<byte>, ArrayView<int>, ArrayView<int>, ArrayView<float>, ArrayView<float>, VerticalPass>(Vertical);
    }

    /// <summary>On the processor, where the network's kernels gather the passes in their sequences.</summary>
    public PreprocessKernels(SimdKernels simd) => this.simd = simd;

    /// <summary>Resizes the columns of some rows: pixels <c>[rows, rowBytes]</c> to RGB bytes <c>[rows, columns, 3]</c>.</summary>
    public void ResizeColumns(
        AcceleratorStream stream, ArrayView<byte> pixels, int rows, int rowBytes, PixelLayout layout,
        in ResampleAxis axis, int columns, ArrayView<byte> resized)
    {
        var pass = new HorizontalPass(rows, columns, rowBytes, layout, axis.MaxTaps, axis.Start);
        if (simd is not null) simd.ResizeColumns(stream, new SimdResize(axis, pixels, resized), pass);
        else horizontal!(stream, Config(rows, columns), pixels, axis.Bounds, axis.Weights, resized, pass);
    }

    /// <summary>Resizes the rows of RGB bytes <c>[*, columns, 3]</c>, pads to the crop and writes normalised floats <c>[crop, crop, 3]</c>.</summary>
    public void ResizeRows(
        AcceleratorStream stream, ArrayView<byte> pixels, in ResampleAxis axis, int rows, int columns,
        int padY, int padX, int crop, ArrayView<float> table, ArrayView<float> output)
    {
        var pass = new VerticalPass(crop, rows, columns, padY, padX, axis.MaxTaps, axis.Start);
        if (simd is not null) simd.ResizeRows(stream, new SimdResize(axis, default, pixels), pass, table, output);
        else vertical!(stream, Config(crop, crop), pixels, axis.Bounds, axis.Weights, table, output, pass);
    }

    private static KernelConfig Config(int rows, int columns) => new((int)(((long)rows * columns + GroupSize - 1) / GroupSize), GroupSize);

    internal static void Horizontal(ArrayView<byte> pixels, ArrayView<int> bounds, ArrayView<int> weights, ArrayView<byte> resized, HorizontalPass pass)
    {
        int item = Grid.GlobalIndex.X;
        int row = item / pass.Columns;
        if (row >= pass.Rows) return;
        int x = item - row * pass.Columns;
        PixelLayout layout = pass.Layout;
        int address = row * pass.RowBytes + (bounds[2 * x] - pass.Start) * layout.BytesPerPixel;
        int taps = bounds[2 * x + 1];
        int r = RoundingHalf, g = RoundingHalf, b = RoundingHalf;
        for (int t = 0; t < taps; t++)
        {
            int weight = weights[x * pass.MaxTaps + t];
            r += pixels[address + layout.Red] * weight;
            g += pixels[address + layout.Green] * weight;
            b += pixels[address + layout.Blue] * weight;
            address += layout.BytesPerPixel;
        }
        int target = item * Channels;
        resized[target] = (byte)Clip8(r);
        resized[target + 1] = (byte)Clip8(g);
        resized[target + 2] = (byte)Clip8(b);
    }

    internal static void Vertical(
        ArrayView<byte> pixels, ArrayView<int> bounds, ArrayView<int> weights, ArrayView<float> table, ArrayView<float> output, VerticalPass pass)
    {
        int item = Grid.GlobalIndex.X;
        int row = item / pass.Crop;
        if (row >= pass.Crop) return;
        int y = row - pass.PadY;
        int x = item - row * pass.Crop - pass.PadX;
        int r = 0, g = 0, b = 0;
        if (y >= 0 && y < pass.Rows && x >= 0 && x < pass.Columns)
        {
            int address = ((bounds[2 * y] - pass.Start) * pass.Columns + x) * Channels;
            int taps = bounds[2 * y + 1];
            r = g = b = RoundingHalf;
            for (int t = 0; t < taps; t++)
            {
                int weight = weights[y * pass.MaxTaps + t];
                r += pixels[address] * weight;
                g += pixels[address + 1] * weight;
                b += pixels[address + 2] * weight;
                address += pass.Columns * Channels;
            }
        }
        int target = item * Channels;
        output[target] = table[Clip8(r) * Channels];
        output[target + 1] = table[Clip8(g) * Channels + 1];
        output[target + 2] = table[Clip8(b) * Channels + 2];
    }

    /// <summary>The rounded byte of a fixed-point sum; negative lobes of a filter overshoot on both sides.</summary>
    internal static int Clip8(int sum) => IntrinsicMath.Clamp(sum >> PrecisionBits, 0, 255);
}
