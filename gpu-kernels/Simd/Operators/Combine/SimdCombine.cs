using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Product, quotient or sum of two tensors, of which the second may be repeated over pixels or channels, and its epilogue, on the
/// processor. The groups share the pixels; a group walks memory from its beginning to its end, a vector of channels at a time.
/// </summary>
internal static unsafe class SimdCombine
{
    /// <summary>A step for <see cref="IKernelFamily.Combine"/>.</summary>
    public static SimdStep Step(int lanes, in CombineShape shape, in Operands operands, Epilogue epilogue) =>
        new() { Kernel = &RunGroup, Lanes = lanes, Combine = shape, Operands = operands, Epilogue = epilogue };

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
        CombineShape shape = step.Combine;
        Epilogue epilogue = step.Epilogue;
        Operands operands = step.Operands;
        int channels = shape.C, operation = shape.Operation;
        float* input = SimdConv2d.Pointer(operands.Input), other = SimdConv2d.Pointer(operands.Filter);
        float* output = SimdConv2d.Pointer(operands.Output);
        float* scale = SimdConv2d.Pointer(operands.Scale), shift = SimdConv2d.Pointer(operands.Shift);
        float* residual = epilogue.HasResidual != 0 ? SimdConv2d.Pointer(operands.Residual) : null;
        float* lastInput = stackalloc float[TLanes.Count], lastOther = stackalloc float[TLanes.Count];
        float* lastScale = stackalloc float[TLanes.Count], lastShift = stackalloc float[TLanes.Count];
        float* lastResidual = stackalloc float[TLanes.Count];
        (int first, int end) = SimdSplit.Range(shape.N * shape.Pixels, queues.Group, queues.Groups);
        for (int pixel = first; pixel < end; pixel++)
        {
            nint row = (nint)pixel * channels, place = shape.PerPixel != 0 ? pixel : pixel / shape.Pixels;
            for (int c = 0; c < channels; c += TLanes.Count)
            {
                int count = Math.Min(TLanes.Count, channels - c);
                float* x = input + row + c, y = other + place * channels + c, s = scale + c, t = shift + c;
                float* r = residual is null ? null : residual + row + c, result = output + row + c;
                // The last channels are copied through buffers of a full vector, so that nothing past them is read or written.
                if (count < TLanes.Count)
                {
                    x = Moved(x, lastInput, count);
                    if (shape.PerChannel != 0) y = Moved(y, lastOther, count);
                    s = Moved(s, lastScale, count);
                    t = Moved(t, lastShift, count);
                    if (r is not null) r = Moved(r, lastResidual, count);
                    result = lastInput;
                }
                TVector a = TLanes.Load(x), b = shape.PerChannel != 0 ? TLanes.Load(y) : TLanes.Broadcast(other[place]);
                TVector value = operation == CombineOperation.Multiply ? TLanes.Multiply(a, b)
                    : operation == CombineOperation.Divide ? TLanes.Divide(a, b) : TLanes.Add(a, b);
                value = SimdEpilogue.Finish<TLanes, TVector>(value, TLanes.Load(s), TLanes.Load(t), r, epilogue);
                TLanes.Store(value, result);
                if (count < TLanes.Count) SimdEpilogue.Copy(lastInput, output + row + c, count);
            }
        }
    }

    private static float* Moved(float* source, float* buffer, int count)
    {
        SimdEpilogue.Copy(source, buffer, count);
        return buffer;
    }
}
