using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Group normalisation of <c>[N, pixels, C]</c> with its epilogue, on the processor. The groups of threads share the groups of channels of
/// all images; sums are of doubles in the order of memory.
/// </summary>
internal static unsafe class SimdGroupNorm
{
    /// <summary>A step for <see cref="IKernelFamily.GroupNorm"/>.</summary>
    public static SimdStep Step(int lanes, in GroupNormShape shape, in Operands operands, Epilogue epilogue) =>
        new() { Kernel = &RunGroup, Lanes = lanes, GroupNorm = shape, Operands = operands, Epilogue = epilogue };

    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        if (step.Lanes == SimdLanes512.Count) Run<SimdLanes512, Vector512<float>>(step, queues);
        else if (step.Lanes == SimdLanes256.Count) Run<SimdLanes256, Vector256<float>>(step, queues);
        else if (step.Lanes == SimdLanes128.Count) Run<SimdLanes128, Vector128<float>>(step, queues);
        else Run<SimdLanes32, float>(step, queues);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TLanes, TVector>(in SimdStep step, in SimdQueues queues)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        GroupNormShape shape = step.GroupNorm;
        float* input = SimdConv2d.Pointer(step.Operands.Input);
        (int first, int end) = SimdSplit.Range(shape.N * shape.Groups, queues.Group, queues.Groups);
        for (int group = first; group < end; group++)
        {
            int image = group / shape.Groups, channel = (group - image * shape.Groups) * shape.GroupC;
            nint start = (nint)image * shape.Pixels * shape.C + channel;
            (float mean, float factor) = Statistics(shape, input + start);
            Normalise<TLanes, TVector>(step, start, channel, mean, factor);
        }
    }

    /// <summary>Mean, and one over the standard deviation, of a group that starts at an address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Mean, float Factor) Statistics(in GroupNormShape shape, float* input)
    {
        int channels = shape.GroupC;
        double sum = 0, squares = 0, count = (double)shape.Pixels * channels;
        float* row = input;
        for (int pixel = 0; pixel < shape.Pixels; pixel++, row += shape.C)
            for (int c = 0; c < channels; c++) sum += row[c];
        double mean = sum / count;
        row = input;
        for (int pixel = 0; pixel < shape.Pixels; pixel++, row += shape.C)
        {
            for (int c = 0; c < channels; c++)
            {
                double difference = row[c] - mean;
                squares += difference * difference;
            }
        }
        return ((float)mean, (float)(1 / Math.Sqrt(squares / count + shape.Epsilon)));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Normalise<TLanes, TVector>(in SimdStep step, nint start, int channel, float mean, float factor)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        GroupNormShape shape = step.GroupNorm;
        Epilogue epilogue = step.Epilogue;
        Operands operands = step.Operands;
        float* input = SimdConv2d.Pointer(operands.Input) + start, output = SimdConv2d.Pointer(operands.Output) + start;
        float* scale = SimdConv2d.Pointer(operands.Scale) + channel, shift = SimdConv2d.Pointer(operands.Shift) + channel;
        float* residual = epilogue.HasResidual != 0 ? SimdConv2d.Pointer(operands.Residual) + start : null;
        float* lastInput = stackalloc float[TLanes.Count], lastResidual = stackalloc float[TLanes.Count];
        float* lastScale = stackalloc float[TLanes.Count], lastShift = stackalloc float[TLanes.Count];
        TVector means = TLanes.Broadcast(mean), factors = TLanes.Broadcast(factor);
        int channels = shape.GroupC;
        for (int c = 0; c < channels; c += TLanes.Count)
        {
            int count = Math.Min(TLanes.Count, channels - c);
            SimdEpilogue.Copy(scale + c, lastScale, count);
            SimdEpilogue.Copy(shift + c, lastShift, count);
            TVector scales = TLanes.Load(lastScale), shifts = TLanes.Load(lastShift);
            nint place = c;
            for (int pixel = 0; pixel < shape.Pixels; pixel++, place += shape.C)
            {
                float* x = input + place, r = residual is null ? null : residual + place, result = output + place;
                // The last channels are copied through buffers of a full vector, so that nothing past them is read or written.
                if (count < TLanes.Count)
                {
                    SimdEpilogue.Copy(x, lastInput, count);
                    x = result = lastInput;
                    if (r is not null)
                    {
                        SimdEpilogue.Copy(r, lastResidual, count);
                        r = lastResidual;
                    }
                }
                TVector value = TLanes.Multiply(TLanes.Subtract(TLanes.Load(x), means), factors);
                TLanes.Store(SimdEpilogue.Finish<TLanes, TVector>(value, scales, shifts, r, epilogue), result);
                if (count < TLanes.Count) SimdEpilogue.Copy(lastInput, output + place, count);
            }
        }
    }
}
