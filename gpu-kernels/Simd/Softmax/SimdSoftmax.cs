using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Row-wise softmax for the CPU accelerator: <c>[rows, classes]</c>, exp(x - max) / sum. The groups share the rows.
/// Scalar on purpose: it is a thousand exponentials after four thousand million multiply-adds.
/// </summary>
internal static unsafe class SimdSoftmax
{
    /// <summary>The part of one group.</summary>
    public static void RunGroup(int group, int groups, int rows, int classes, ArrayView<float> input, ArrayView<float> output)
    {
        float* source = SimdConv2d.Pointer(input), destination = SimdConv2d.Pointer(output);
        (int first, int end) = SimdSplit.Range(rows, group, groups);
        for (int row = first; row < end; row++)
            RunRow(classes, source + (nint)row * classes, destination + (nint)row * classes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunRow(int classes, float* input, float* output)
    {
        // MathF.Max lets NaN win, which then spoils the row as in PyTorch.
        float max = float.NegativeInfinity;
        for (int i = 0; i < classes; i++) max = MathF.Max(max, input[i]);
        float sum = 0;
        for (int i = 0; i < classes; i++)
        {
            output[i] = MathF.Exp(input[i] - max);
            sum += output[i];
        }
        for (int i = 0; i < classes; i++) output[i] /= sum;
    }
}
