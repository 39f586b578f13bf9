using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>
/// Every operator by its definition, in double, with no thought for speed. Kept apart from the kernels on purpose:
/// it shares nothing with them but the shape structs.
/// </summary>
internal static class Oracle
{
    /// <summary>Convolution of <c>[N, H, W, C]</c> with a filter <c>[K, C / Groups, R, S]</c>, epilogue included.</summary>
    public static double[] Conv2d(
        in Conv2dShape shape, float[] input, float[] filter, float[] scale, float[] shift, float[]? residual, Epilogue epilogue)
    {
        double[] output = new double[shape.N * shape.P * shape.Q * shape.K];
        int index = 0;
        for (int n = 0; n < shape.N; n++)
            for (int p = 0; p < shape.P; p++)
                for (int q = 0; q < shape.Q; q++)
                    for (int k = 0; k < shape.K; k++, index++)
                        output[index] = Finish(ConvAt(shape, input, filter, n, p, q, k), k, index, scale, shift, residual, epilogue);
        return output;
    }

    /// <summary>The epilogue alone over <c>[pixels, channels]</c>.</summary>
    public static double[] Pointwise(
        int channels, float[] input, float[] scale, float[] shift, float[]? residual, Epilogue epilogue)
    {
        double[] output = new double[input.Length];
        for (int i = 0; i < output.Length; i++)
            output[i] = Finish(input[i], i % channels, i, scale, shift, residual, epilogue);
        return output;
    }

    /// <summary>Maximum over the cells of each window of <c>[N, H, W, C]</c>, padding by its value; NaN wins.</summary>
    public static double[] MaxPool2d(Pool2dShape shape, float[] input) => Pool2d(shape, input, cells =>
    {
        double[] values = [.. cells.Select(cell => cell ?? shape.PadValue)];
        return values.Any(double.IsNaN) ? double.NaN : values.Max();
    });

    /// <summary>
    /// Sum over the cells of each window that lie in the map, divided by their number or, if asked for, by the number of all cells.
    /// </summary>
    public static double[] AveragePool2d(Pool2dShape shape, float[] input) => Pool2d(
        shape, input, cells => cells.Sum(cell => cell ?? 0) / cells.Count(cell => cell is not null || shape.CountIncludePad != 0));

    /// <summary>Softmax of each row of <c>[rows, classes]</c>.</summary>
    public static double[] Softmax(int classes, float[] input) => Softmax(classes, Array.ConvertAll(input, v => (double)v));

    /// <summary>Softmax of rows of doubles.</summary>
    public static double[] Softmax(int classes, double[] input)
    {
        double[] output = new double[input.Length];
        for (int row = 0; row < input.Length; row += classes)
        {
            double[] logits = input[row..(row + classes)];
            double max = logits.Any(double.IsNaN) ? double.NaN : logits.Max();
            double sum = logits.Sum(v => Math.Exp(v - max));
            for (int i = 0; i < classes; i++)
                output[row + i] = Math.Exp(logits[i] - max) / sum;
        }
        return output;
    }

    private static double ConvAt(in Conv2dShape shape, float[] input, float[] filter, int n, int p, int q, int k)
    {
        int channels = shape.C / shape.Groups;
        int firstChannel = channels * (k / (shape.K / shape.Groups));
        double sum = 0;
        for (int r = 0; r < shape.R; r++)
        {
            int h = p * shape.StrideH - shape.PadH + r * shape.DilationH;
            if (h < 0 || h >= shape.H) continue;
            for (int s = 0; s < shape.S; s++)
            {
                int w = q * shape.StrideW - shape.PadW + s * shape.DilationW;
                if (w < 0 || w >= shape.W) continue;
                for (int c = 0; c < channels; c++)
                    sum += (double)input[((n * shape.H + h) * shape.W + w) * shape.C + firstChannel + c]
                        * filter[((k * channels + c) * shape.R + r) * shape.S + s];
            }
        }
        return sum;
    }

    private static double Finish(
        double value, int channel, int index, float[] scale, float[] shift, float[]? residual, Epilogue epilogue)
    {
        value = value * scale[channel] + shift[channel];
        if (epilogue.ReluBeforeAdd != 0) value = Relu(value);
        if (residual is not null) value += residual[index];
        if (epilogue.Relu != 0) value = Relu(value);
        if (epilogue.HasClip == 0 || double.IsNaN(value)) return value;
        return Math.Min(Math.Max(value, epilogue.ClipMin), epilogue.ClipMax);
    }

    private static double Relu(double value) => value < 0 ? 0 : value;

    private static double[] Pool2d(in Pool2dShape shape, float[] input, Func<List<double?>, double> reduce)
    {
        var output = new List<double>();
        for (int n = 0; n < shape.N; n++)
            for (int p = 0; p < shape.P; p++)
                for (int q = 0; q < shape.Q; q++)
                    for (int c = 0; c < shape.C; c++)
                        output.Add(reduce(Window(shape, input, n, p, q, c)));
        return [.. output];
    }

    /// <summary>A window's cells, null for padding; without those that lie past the padding.</summary>
    private static List<double?> Window(in Pool2dShape shape, float[] input, int n, int p, int q, int c)
    {
        var cells = new List<double?>();
        for (int r = 0; r < shape.R; r++)
            for (int s = 0; s < shape.S; s++)
            {
                int h = p * shape.StrideH - shape.PadH + r * shape.DilationH;
                int w = q * shape.StrideW - shape.PadW + s * shape.DilationW;
                if (h >= shape.H + shape.PadEndH || w >= shape.W + shape.PadEndW) continue;
                bool inside = h >= 0 && h < shape.H && w >= 0 && w < shape.W;
                cells.Add(inside ? input[((n * shape.H + h) * shape.W + w) * shape.C + c] : null);
            }
        return cells;
    }
}
