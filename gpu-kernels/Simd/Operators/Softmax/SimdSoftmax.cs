using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Row-wise softmax on the processor: exp(x - max) / sum over <c>[rows, classes]</c>. The groups share the rows. It is scalar on purpose: a
/// thousand exponentials follow four thousand million multiply-adds.
/// </summary>
internal static unsafe class SimdSoftmax
{
    /// <summary>A step for <see cref="IKernelFamily.Softmax"/>.</summary>
    public static SimdStep Step(int rows, int classes, ArrayView<float> input, ArrayView<float> output) =>
        new() { Kernel = &RunGroup, Rows = rows, Columns = classes, Operands = SimdStep.InputAndOutput(input, output) };

    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        float* input = SimdConv2d.Pointer(step.Operands.Input), output = SimdConv2d.Pointer(step.Operands.Output);
        int classes = step.Columns;
        (int first, int end) = SimdSplit.Range(step.Rows, queues.Group, queues.Groups);
        for (int row = first; row < end; row++) RunRow(classes, input + (nint)row * classes, output + (nint)row * classes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunRow(int classes, float* input, float* output)
    {
        // With MathF.Max NaN wins, so that the whole row becomes NaN, as in PyTorch.
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
