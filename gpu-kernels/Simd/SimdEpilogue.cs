using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Computes the <see cref="Epilogue"/> over vectors of neighbouring channels, for one tile of sums or one row of a point-wise step.
/// </summary>
internal unsafe struct SimdEpilogue
{
    /// <summary>Scale of the panel's channels, padded to whole vectors.</summary>
    public float* Scale;

    /// <summary>Shift of the panel's channels, padded to whole vectors.</summary>
    public float* Shift;

    /// <summary>First channel of the residual's first row; null when nothing is added; may be <see cref="Output"/>.</summary>
    public float* Residual;

    /// <summary>First channel of the panel in the first row of the output.</summary>
    public float* Output;

    /// <summary>Floats from one row to the next, in residual and output.</summary>
    public int RowStride;

    /// <summary>Channels of the panel that exist; the last panel may be narrower than the others.</summary>
    public int Channels;

    /// <summary>The flags.</summary>
    public Epilogue Flags;

    /// <summary>
    /// True when a register tile applies the epilogue itself, which it can only in the common case, so that its code stays short. In other
    /// cases the tile stores its sums, and <see cref="Store{TKind, TLanes, TVector}(float*, int)"/> reads them.
    /// </summary>
    public bool IsInRegisters;

    /// <summary>Sets <see cref="IsInRegisters"/> for a panel of <paramref name="width"/> channels.</summary>
    public void ChooseWay(int width) => IsInRegisters = Channels == width && Flags.HasClip == 0 && Flags.ReluBeforeAdd == 0
        && Flags.Activation == Activation.None;

    /// <summary>Prefetches the cache lines of output and residual of some rows while their sums are computed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void PrefetchOutput<TKind, TLanes, TVector>(int rows)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        if (!Sse.IsSupported) return;
        float* output = Output;
        float* residual = Residual is null ? Output : Residual;
        for (int row = 0; row < rows; row++)
        {
            Sse.Prefetch0(output);
            if (TKind.Vectors > 1) Sse.Prefetch0(output + TLanes.Count);
            output += RowStride;
            if (residual == Output) continue;
            Sse.Prefetch0(residual);
            if (TKind.Vectors > 1) Sse.Prefetch0(residual + TLanes.Count);
            residual += RowStride;
        }
    }

    /// <summary>Applies the epilogue to rows of sums <c>[rows][vectors]</c> and stores the results.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Store<TKind, TLanes, TVector>(float* sums, int rows)
        where TKind : struct, ISimdPanelKind
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        int width = TKind.Vectors * TLanes.Count;
        float* padded = stackalloc float[width];
        float* residual = Residual;
        float* output = Output;
        for (int row = 0; row < rows; row++)
        {
            if (Channels == width)
            {
                for (int c = 0; c < width; c += TLanes.Count)
                    TLanes.Store(Finish<TLanes, TVector>(sums, c, residual), output + c);
            }
            else
            {
                // The row is copied through a buffer of full width, so that nothing past the last channel is read or written.
                if (residual is not null) Copy(residual, padded, Channels);
                for (int c = 0; c < width; c += TLanes.Count)
                    TLanes.Store(Finish<TLanes, TVector>(sums, c, residual is null ? null : padded), padded + c);
                Copy(padded, output, Channels);
            }
            sums += width;
            output += RowStride;
            if (residual is not null) residual += RowStride;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly TVector Finish<TLanes, TVector>(float* sums, int channel, float* residual)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct =>
        Finish<TLanes, TVector>(
            TLanes.Load(sums + channel), TLanes.Load(Scale + channel), TLanes.Load(Shift + channel),
            residual is null ? null : residual + channel, Flags);

    /// <summary>Copies a few floats.</summary>
    public static void Copy(float* source, float* destination, int count)
    {
        for (int i = 0; i < count; i++) destination[i] = source[i];
    }

    /// <summary>Applies the epilogue to one vector of channels; <paramref name="residual"/> is null when nothing is added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Finish<TLanes, TVector>(TVector value, TVector scale, TVector shift, float* residual, Epilogue flags)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        value = TLanes.MultiplyAdd(value, scale, shift);
        if (flags.ReluBeforeAdd != 0) value = TLanes.Relu(value);
        if (residual is not null) value = TLanes.Add(value, TLanes.Load(residual));
        if (flags.Relu != 0) value = TLanes.Relu(value);
        if (flags.Activation != Activation.None) value = SimdActivation.Of<TLanes, TVector>(value, flags);
        return flags.HasClip != 0 ? TLanes.Clip(value, TLanes.Broadcast(flags.ClipMin), TLanes.Broadcast(flags.ClipMax)) : value;
    }
}
