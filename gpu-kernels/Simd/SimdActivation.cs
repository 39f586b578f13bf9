using System.Runtime.CompilerServices;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>Computes an <see cref="Activation"/> of a vector of channels.</summary>
internal static unsafe class SimdActivation
{
    /// <summary>Computes the activation of an epilogue.</summary>
    // Not inlined: the loops that call it would keep its constants in their registers, whatever the epilogue.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static TVector Of<TLanes, TVector>(TVector value, Epilogue flags)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        switch (flags.Activation)
        {
            case Activation.Sigmoid: return TLanes.Divide(TLanes.Broadcast(1), Denominator<TLanes, TVector>(value));
            case Activation.Silu: return TLanes.Divide(value, Denominator<TLanes, TVector>(value));
            case Activation.HardSigmoid: return ToUnit<TLanes, TVector>(value, flags.Alpha, flags.Beta);
            case Activation.HardSwish: return TLanes.Multiply(value, ToUnit<TLanes, TVector>(value, 1f / 6f, 0.5f));
            case Activation.LeakyRelu: return Leaky<TLanes, TVector>(value, TLanes.Broadcast(flags.Alpha));
            default:
                float* values = stackalloc float[TLanes.Count];
                TLanes.Store(value, values);
                for (int i = 0; i < TLanes.Count; i++) values[i] = Activation.Of(flags.Activation, flags.Alpha, flags.Beta, values[i]);
                return TLanes.Load(values);
        }
    }

    /// <summary><see cref="Activation.LeakyRelu"/> with the slopes of the channels.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Leaky<TLanes, TVector>(TVector value, TVector slopes)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        // One of the two parts is zero.
        TVector negative = TLanes.Relu(TLanes.Subtract(TLanes.Broadcast(0), value));
        return TLanes.Subtract(TLanes.Relu(value), TLanes.Multiply(slopes, negative));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Denominator<TLanes, TVector>(TVector value)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        TLanes.Add(TLanes.Broadcast(1), TLanes.Exp(TLanes.Subtract(TLanes.Broadcast(0), value)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector ToUnit<TLanes, TVector>(TVector value, float factor, float summand)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        TLanes.Clip(
            TLanes.MultiplyAdd(value, TLanes.Broadcast(factor), TLanes.Broadcast(summand)), TLanes.Broadcast(0), TLanes.Broadcast(1));
}
