using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The k largest elements of each row of <c>[rows, classes]</c>, or their indices, in order, on the processor. The groups share the rows.
/// Each element is found by one walk over the row, behind the one found before: k is small.
/// </summary>
internal static unsafe class SimdTopK
{
    /// <summary>A step for <see cref="IKernelFamily.TopK"/>.</summary>
    public static SimdStep Step(
        int rows, int classes, int k, bool givesIndices, ArrayView<float> input, ArrayView<float> output) => new()
        {
            Kernel = &RunGroup,
            Rows = rows,
            Columns = classes,
            Largest = k,
            GivesIndices = givesIndices,
            Operands = SimdStep.InputAndOutput(input, output),
        };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        float* input = SimdConv2d.Pointer(step.Operands.Input), output = SimdConv2d.Pointer(step.Operands.Output);
        int classes = step.Columns, k = step.Largest;
        (int first, int end) = SimdSplit.Range(step.Rows, queues.Group, queues.Groups);
        for (int row = first; row < end; row++)
        {
            float* values = input + (nint)row * classes;
            int* bits = (int*)values;
            int last = -1;
            for (int rank = 0; rank < k; rank++)
            {
                int best = -1;
                for (int i = 0; i < classes; i++)
                {
                    int key = TopKOrder.KeyOf(bits[i]);
                    bool isLeft = last < 0 || TopKOrder.IsBefore(TopKOrder.KeyOf(bits[last]), last, key, i) != 0;
                    if (isLeft && (best < 0 || TopKOrder.IsBefore(key, i, TopKOrder.KeyOf(bits[best]), best) != 0)) best = i;
                }
                output[(nint)row * k + rank] = step.GivesIndices ? best : values[best];
                last = best;
            }
        }
    }
}
