using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Copies elements along the middle axis of <c>[rows, first, inner]</c> in the order of a table of indices, on the processor. The groups
/// share the runs of inner elements of the result.
/// </summary>
internal static unsafe class SimdSelect
{
    /// <summary>A step for <see cref="IKernelFamily.Select"/>.</summary>
    public static SimdStep Step(in SelectShape shape, in Operands operands) =>
        new() { Kernel = &RunGroup, Select = shape, Operands = operands };

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        SelectShape shape = step.Select;
        Operands operands = step.Operands;
        int* table = (int*)SimdConv2d.Pointer(operands.Filter);
        float* first = SimdConv2d.Pointer(operands.Input), second = SimdConv2d.Pointer(operands.Residual);
        float* output = SimdConv2d.Pointer(operands.Output);
        int inner = shape.Inner;
        (int begin, int end) = SimdSplit.Range(shape.Rows * shape.Length, queues.Group, queues.Groups);
        for (int run = begin; run < end; run++)
        {
            int row = run / shape.Length, index = table[run - row * shape.Length];
            float* target = output + (nint)run * inner;
            if (index < 0)
            {
                for (int i = 0; i < inner; i++) target[i] = shape.Value;
                continue;
            }
            float* source = index < shape.First
                ? first + ((nint)row * shape.First + index) * inner
                : second + ((nint)row * shape.Second + index - shape.First) * inner;
            SimdEpilogue.Copy(source, target, inner);
        }
    }
}
