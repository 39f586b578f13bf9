using System.Runtime.Intrinsics;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The two passes of a resize on the processor: integer sums (<see cref="FixedPoint"/>) in vectors, a band of consecutive rows for each
/// group.
/// </summary>
internal static unsafe class SimdResize
{
    /// <summary>Bytes of a row that the vertical pass sums at a time.</summary>
    private const int VerticalBlock = 16;

    /// <summary>A step for <see cref="IKernelFamily.ResizeColumns"/>.</summary>
    public static SimdStep HorizontalStep(
        in HorizontalPass pass, in ResampleAxis axis, ArrayView<byte> pixels, ArrayView<byte> resized) =>
        new() { Kernel = &Horizontal, Resize = new(axis, pixels, resized), Horizontal = pass };

    /// <summary>A step for <see cref="IKernelFamily.ResizeRows"/>.</summary>
    public static SimdStep VerticalStep(
        in VerticalPass pass, in ResampleAxis axis, ArrayView<byte> resized, ArrayView<float> table, ArrayView<float> output) => new()
        {
            Kernel = &Vertical,
            Resize = new(axis, default, resized),
            Vertical = pass,
            Operands = SimdStep.InputAndOutput(table, output),
        };

    private static void Horizontal(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        SimdResizeMemory resize = step.Resize;
        HorizontalPass pass = step.Horizontal;
        int band = queues.Group, bands = queues.Groups;
        int end = (int)((band + 1L) * pass.Rows / bands);
        fixed (byte* source = &resize.Pixels[0], target = &resize.Resized[0])
        fixed (int* bound = &resize.Axis.Bounds[0], weight = &resize.Axis.Weights[0])
        {
            for (int y = (int)((long)band * pass.Rows / bands); y < end; y++)
            {
                byte* row = source + (long)y * pass.RowBytes;
                byte* resizedRow = target + (long)y * pass.Columns * FixedPoint.Channels;
                if (pass.Layout.BytesPerPixel == 1) GrayRow(row, bound, weight, resizedRow, pass);
                else ColorRow(row, bound, weight, resizedRow, pass);
            }
        }
    }

    private static void GrayRow(byte* row, int* bounds, int* weights, byte* resized, in HorizontalPass pass)
    {
        for (int x = 0; x < pass.Columns; x++)
        {
            byte* pixel = row + bounds[2 * x] - pass.Start;
            int* weight = weights + (long)x * pass.MaxTaps;
            int sum = FixedPoint.Half;
            for (int t = 0; t < bounds[2 * x + 1]; t++) sum += pixel[t] * weight[t];
            byte value = (byte)FixedPoint.Clip8(sum);
            resized[0] = value;
            resized[1] = value;
            resized[2] = value;
            resized += FixedPoint.Channels;
        }
    }

    /// <summary>Sums four bytes at a time; the fourth byte is alpha or the first byte of the next pixel, and its sum is not used.</summary>
    private static void ColorRow(byte* row, int* bounds, int* weights, byte* resized, in HorizontalPass pass)
    {
        PixelLayout layout = pass.Layout;
        int step = layout.BytesPerPixel;
        for (int x = 0; x < pass.Columns; x++)
        {
            byte* pixel = row + (long)(bounds[2 * x] - pass.Start) * step;
            int* weight = weights + (long)x * pass.MaxTaps;
            int last = bounds[2 * x + 1] - 1;
            Vector128<int> even = Vector128.Create(FixedPoint.Half);
            Vector128<int> odd = Vector128<int>.Zero;
            int t = 0;
            for (; t + 1 < last; t += 2)
            {
                even += Widen(*(uint*)pixel) * weight[t];
                odd += Widen(*(uint*)(pixel + step)) * weight[t + 1];
                pixel += 2 * step;
            }
            if (t < last)
            {
                even += Widen(*(uint*)pixel) * weight[t];
                pixel += step;
            }
            // After the last pixel of the image there may be no fourth byte.
            odd += Widen(pixel[0] | (uint)pixel[1] << 8 | (uint)pixel[2] << 16) * weight[last];
            Vector128<int> sum = Clip8(even + odd);
            resized[0] = (byte)sum[layout.Red];
            resized[1] = (byte)sum[layout.Green];
            resized[2] = (byte)sum[layout.Blue];
            resized += FixedPoint.Channels;
        }
    }

    private static Vector128<int> Widen(uint bytes) =>
        Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(bytes).AsByte())).AsInt32();

    private static Vector128<int> Clip8(Vector128<int> sum) =>
        Vector128.Min(Vector128.Max(sum >> FixedPoint.FractionBits, Vector128<int>.Zero), Vector128.Create((int)byte.MaxValue));

    private static void Vertical(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        SimdResizeMemory resize = step.Resize;
        VerticalPass pass = step.Vertical;
        ArrayView<float> table = step.Operands.Input, output = step.Operands.Output;
        int band = queues.Group, bands = queues.Groups;
        int end = (int)((band + 1L) * pass.CropHeight / bands);
        int rowLength = pass.Columns * FixedPoint.Channels;
        byte* sums = stackalloc byte[VerticalBlock];
        fixed (byte* source = &resize.Resized[0])
        fixed (int* bound = &resize.Axis.Bounds[0], weight = &resize.Axis.Weights[0])
        fixed (float* floats = &table[0], target = &output[0])
        {
            for (int row = (int)((long)band * pass.CropHeight / bands); row < end; row++)
            {
                float* outputRow = target + (long)row * pass.CropWidth * FixedPoint.Channels;
                int y = row - pass.PadY;
                if (y < 0 || y >= pass.Rows)
                {
                    Black(outputRow, pass.CropWidth, floats);
                    continue;
                }
                Black(outputRow, pass.PadX, floats);
                float* resized = outputRow + pass.PadX * FixedPoint.Channels;
                byte* first = source + (long)(bound[2 * y] - pass.Start) * rowLength;
                for (int i = 0; i < rowLength; i += VerticalBlock)
                {
                    int count = Math.Min(VerticalBlock, rowLength - i);
                    SumColumns(first + i, rowLength, count, weight + (long)y * pass.MaxTaps, bound[2 * y + 1], sums);
                    for (int j = 0; j < count; j++) resized[i + j] = floats[sums[j] * FixedPoint.Channels + (i + j) % FixedPoint.Channels];
                }
                Black(resized + rowLength, pass.CropWidth - pass.PadX - pass.Columns, floats);
            }
        }
    }

    private static void Black(float* pixels, int count, float* table)
    {
        for (int i = 0; i < count * FixedPoint.Channels; i++) pixels[i] = table[i % FixedPoint.Channels];
    }

    private static void SumColumns(byte* pixels, int rowLength, int count, int* weights, int taps, byte* sums)
    {
        if (count < VerticalBlock)
        {
            for (int j = 0; j < count; j++)
            {
                int sum = FixedPoint.Half;
                for (int t = 0; t < taps; t++) sum += pixels[(long)t * rowLength + j] * weights[t];
                sums[j] = (byte)FixedPoint.Clip8(sum);
            }
            return;
        }
        Vector128<int> a = Vector128.Create(FixedPoint.Half), b = a, c = a, d = a;
        for (int t = 0; t < taps; t++)
        {
            (Vector128<ushort> low, Vector128<ushort> high) = Vector128.Widen(Vector128.Load(pixels));
            int weight = weights[t];
            a += Vector128.WidenLower(low).AsInt32() * weight;
            b += Vector128.WidenUpper(low).AsInt32() * weight;
            c += Vector128.WidenLower(high).AsInt32() * weight;
            d += Vector128.WidenUpper(high).AsInt32() * weight;
            pixels += rowLength;
        }
        Vector128<short> left = Vector128.Narrow(Clip8(a), Clip8(b)), right = Vector128.Narrow(Clip8(c), Clip8(d));
        Vector128.Narrow(left.AsUInt16(), right.AsUInt16()).Store(sums);
    }
}

/// <summary>The memory of one pass of a resize on the processor.</summary>
/// <param name="Axis">The weights of the axis that is resized.</param>
/// <param name="Pixels">Pixels as the image has them; read by the horizontal pass.</param>
/// <param name="Resized">RGB bytes <c>[rows, columns, 3]</c>; written by the horizontal pass, read by the vertical pass.</param>
internal readonly record struct SimdResizeMemory(ResampleAxis Axis, ArrayView<byte> Pixels, ArrayView<byte> Resized);
