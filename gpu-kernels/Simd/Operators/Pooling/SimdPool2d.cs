using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using ILGPU;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Maximum and average pooling on the processor: <c>[N, H, W, C]</c> to <c>[N, P, Q, C]</c>. The work items are vectors of channels of
/// output pixels; the groups share them evenly, so that a global pooling, which has one pixel of many channels, also occupies all groups.
/// </summary>
internal static unsafe class SimdPool2d
{
    /// <summary>A step for <see cref="IKernelFamily.MaxPool2d"/>.</summary>
    public static SimdStep MaxStep(int lanes, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output) =>
        new() { Kernel = &RunMaxGroup, Lanes = lanes, Pool = shape, Operands = SimdStep.InputAndOutput(input, output) };

    /// <summary>A step for <see cref="IKernelFamily.AveragePool2d"/>.</summary>
    public static SimdStep AverageStep(int lanes, in Pool2dShape shape, ArrayView<float> input, ArrayView<float> output) =>
        new() { Kernel = &RunAverageGroup, Lanes = lanes, Pool = shape, Operands = SimdStep.InputAndOutput(input, output) };

    private static void RunMaxGroup(in SimdStep step, in SimdQueues queues, void* scratch) => RunGroup(step, queues, isMax: true);

    private static void RunAverageGroup(in SimdStep step, in SimdQueues queues, void* scratch) => RunGroup(step, queues, isMax: false);

    private static void RunGroup(in SimdStep step, in SimdQueues queues, bool isMax)
    {
        int group = queues.Group, groups = queues.Groups, lanes = step.Lanes;
        Pool2dShape shape = step.Pool;
        float* source = SimdConv2d.Pointer(step.Operands.Input), destination = SimdConv2d.Pointer(step.Operands.Output);
        if (lanes == SimdLanes512.Count)
            Run<SimdLanes512, Vector512<float>>(group, groups, isMax, shape, source, destination);
        else if (lanes == SimdLanes256.Count)
            Run<SimdLanes256, Vector256<float>>(group, groups, isMax, shape, source, destination);
        else if (lanes == SimdLanes128.Count)
            Run<SimdLanes128, Vector128<float>>(group, groups, isMax, shape, source, destination);
        else
            Run<SimdLanes32, float>(group, groups, isMax, shape, source, destination);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<TLanes, TVector>(int group, int groups, bool isMax, in Pool2dShape shape, float* input, float* output)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        float* last = stackalloc float[TLanes.Count];
        int vectors = IntegerMath.DivideRoundUp(shape.C, TLanes.Count);
        (int first, int end) = SimdSplit.Range(shape.N * shape.P * shape.Q * vectors, group, groups);
        PoolWindow window = default;
        int windowPixel = -1;
        for (int item = first; item < end; item++)
        {
            int pixel = item / vectors;
            if (pixel != windowPixel)
            {
                window = PoolWindow.Of(shape, pixel);
                windowPixel = pixel;
            }
            int channel = item % vectors * TLanes.Count;
            int channels = Math.Min(TLanes.Count, shape.C - channel);
            TVector value = Reduce<TLanes, TVector>(isMax, shape, window, input + channel, channels, last);
            float* destination = output + (nint)pixel * shape.C + channel;
            if (channels == TLanes.Count)
            {
                TLanes.Store(value, destination);
            }
            else
            {
                TLanes.Store(value, last);
                SimdEpilogue.Copy(last, destination, channels);
            }
        }
    }

    /// <summary>Reduces one window. <paramref name="last"/> is a buffer for the channels of a vector that is not full.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Reduce<TLanes, TVector>(
        bool isMax, in Pool2dShape shape, in PoolWindow window, float* input, int channels, float* last)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        TVector result = TLanes.Broadcast(isMax ? window.LeastMaximum(shape) : 0);
        nint step = (nint)shape.DilationW * shape.C;
        for (int r = 0; r < window.Rows; r++)
        {
            nint h = window.FirstH + (nint)r * shape.DilationH;
            float* source = input + (((nint)window.Image * shape.H + h) * shape.W + window.FirstW) * shape.C;
            for (int s = 0; s < window.Columns; s++, source += step)
            {
                float* from = source;
                if (channels < TLanes.Count)
                {
                    SimdEpilogue.Copy(source, last, channels);
                    from = last;
                }
                TVector value = TLanes.Load(from);
                result = isMax ? TLanes.Max(result, value) : TLanes.Add(result, value);
            }
        }
        return isMax ? result : TLanes.Divide(result, TLanes.Broadcast(window.Divisor(shape)));
    }
}
