using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// The epilogue without a convolution, over <c>[pixels, channels]</c>, on the processor. The groups share the pixels; a group walks memory
/// from its beginning to its end, a vector of channels at a time.
/// </summary>
internal static unsafe class SimdPointwise
{
    /// <summary>A step for <see cref="IKernelFamily.Pointwise"/>.</summary>
    public static SimdStep Step(int lanes, int pixels, int channels, in Operands operands, Epilogue epilogue) =>
        new() { Kernel = &RunGroup, Lanes = lanes, Rows = pixels, Columns = channels, Operands = operands, Epilogue = epilogue };

    private static void RunGroup(in SimdStep step, in SimdQueues queues, void* scratch)
    {
        int lanes = step.Lanes, channels = step.Columns;
        Operands operands = step.Operands;
        Epilogue epilogue = step.Epilogue;
        bool hasSlopes = epilogue.Activation == Activation.PRelu;
        Epilogue vectorised = hasSlopes ? epilogue.WithoutActivation() : epilogue;
        (int first, int end) = SimdSplit.Range(step.Rows, queues.Group, queues.Groups);
        if (lanes == SimdLanes512.Count)
            Run<SimdLanes512, Vector512<float>>(first, end, channels, operands, vectorised);
        else if (lanes == SimdLanes256.Count)
            Run<SimdLanes256, Vector256<float>>(first, end, channels, operands, vectorised);
        else if (lanes == SimdLanes128.Count)
            Run<SimdLanes128, Vector128<float>>(first, end, channels, operands, vectorised);
        else
            Run<SimdLanes32, float>(first, end, channels, operands, vectorised);
        if (hasSlopes) ApplySlopes(first, end, channels, operands, epilogue);
    }

    /// <summary>Multiplies negative values by their channels' slopes, in place, before the clip.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplySlopes(int first, int end, int channels, in Operands operands, Epilogue epilogue)
    {
        float* output = SimdConv2d.Pointer(operands.Output), slopes = SimdConv2d.Pointer(operands.Filter);
        for (int pixel = first; pixel < end; pixel++)
        {
            float* row = output + (nint)pixel * channels;
            for (int c = 0; c < channels; c++)
            {
                float value = Activation.Of(Activation.PRelu, slopes[c], 0, row[c]);
                row[c] = epilogue.HasClip == 0 ? value : SimdLanes32.Clip(value, epilogue.ClipMin, epilogue.ClipMax);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TLanes, TVector>(int first, int end, int channels, in Operands operands, Epilogue epilogue)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        float* input = SimdConv2d.Pointer(operands.Input), output = SimdConv2d.Pointer(operands.Output);
        float* scale = SimdConv2d.Pointer(operands.Scale), shift = SimdConv2d.Pointer(operands.Shift);
        float* residual = epilogue.HasResidual != 0 ? SimdConv2d.Pointer(operands.Residual) : null;
        int whole = channels - channels % TLanes.Count;
        int rest = channels - whole;

        // The last channels are copied through buffers of a full vector, so that nothing past them is read or written.
        float* lastScale = stackalloc float[TLanes.Count], lastShift = stackalloc float[TLanes.Count];
        float* lastInput = stackalloc float[TLanes.Count], lastResidual = stackalloc float[TLanes.Count];
        SimdEpilogue.Copy(scale + whole, lastScale, rest);
        SimdEpilogue.Copy(shift + whole, lastShift, rest);

        for (int pixel = first; pixel < end; pixel++)
        {
            nint row = (nint)pixel * channels;
            for (int c = 0; c < whole; c += TLanes.Count)
                TLanes.Store(
                    SimdEpilogue.Finish<TLanes, TVector>(
                        TLanes.Load(input + row + c), TLanes.Load(scale + c), TLanes.Load(shift + c),
                        residual is null ? null : residual + row + c, epilogue),
                    output + row + c);
            if (rest == 0) continue;
            SimdEpilogue.Copy(input + row + whole, lastInput, rest);
            if (residual is not null) SimdEpilogue.Copy(residual + row + whole, lastResidual, rest);
            TVector last = SimdEpilogue.Finish<TLanes, TVector>(
                TLanes.Load(lastInput), TLanes.Load(lastScale), TLanes.Load(lastShift),
                residual is null ? null : lastResidual, epilogue);
            TLanes.Store(last, lastInput);
            SimdEpilogue.Copy(lastInput, output + row + whole, rest);
        }
    }
}
