using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace IlgpuResNet.Kernels;

/// <summary><see cref="Epilogue"/> over vectors of neighbouring channels, for one tile of sums or one row of a point-wise step.</summary>
internal unsafe struct SimdEpilogue
{
    /// <summary>Scale of the panel's channels, padded to 2 vectors.</summary>
    public float* Scale;

    /// <summary>Shift of the panel's channels, padded to 2 vectors.</summary>
    public float* Shift;

    /// <summary>Null when nothing is added; may be <see cref="Output"/>.</summary>
    public float* Residual;

    /// <summary>First channel of the panel in the first row.</summary>
    public float* Output;

    /// <summary>Floats from a row to the next, in residual and output.</summary>
    public int RowStride;

    /// <summary>Channels of the panel that exist: the last panel may be narrower than 2 vectors.</summary>
    public int Channels;

    /// <summary>The flags.</summary>
    public Epilogue Flags;

    /// <summary>
    /// True when a register tile finishes its sums itself: the common case alone, so that its code stays short. The others
    /// go through memory, to <see cref="Store{TLanes, TVector}(float*, int)"/>.
    /// </summary>
    public bool IsInRegisters;

    /// <summary>Says which outputs of a panel of <paramref name="width"/> channels tiles finish.</summary>
    public void ChooseWay(int width) => IsInRegisters = Channels == width && Flags.HasClip == 0 && Flags.ReluBeforeAdd == 0;

    /// <summary>Fetches the lines that some rows will be stored to, and summands read from, while their sums are computed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void PrefetchOutput<TLanes, TVector>(int rows)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        if (!Sse.IsSupported) return;
        float* output = Output;
        float* residual = Residual is null ? Output : Residual;
        for (int row = 0; row < rows; row++)
        {
            Sse.Prefetch0(output);
            Sse.Prefetch0(output + TLanes.Count);
            output += RowStride;
            if (residual == Output) continue;
            Sse.Prefetch0(residual);
            Sse.Prefetch0(residual + TLanes.Count);
            residual += RowStride;
        }
    }

    /// <summary>Finishes the sums of one row in the common case.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store<TLanes, TVector>(TVector value0, TVector value1, int row)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        nint offset = (nint)row * RowStride;
        value0 = TLanes.MultiplyAdd(value0, TLanes.Load(Scale), TLanes.Load(Shift));
        value1 = TLanes.MultiplyAdd(value1, TLanes.Load(Scale + TLanes.Count), TLanes.Load(Shift + TLanes.Count));
        if (Residual is not null)
        {
            value0 = TLanes.Add(value0, TLanes.Load(Residual + offset));
            value1 = TLanes.Add(value1, TLanes.Load(Residual + offset + TLanes.Count));
        }
        if (Flags.Relu != 0)
        {
            value0 = TLanes.Relu(value0);
            value1 = TLanes.Relu(value1);
        }
        TLanes.Store(value0, Output + offset);
        TLanes.Store(value1, Output + offset + TLanes.Count);
    }

    /// <summary>Finishes rows of sums <c>[rows][2 vectors]</c> and stores them.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void Store<TLanes, TVector>(float* sums, int rows)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        int width = 2 * TLanes.Count;
        float* padded = stackalloc float[width];
        float* residual = Residual;
        float* output = Output;
        TVector scale0 = TLanes.Load(Scale), scale1 = TLanes.Load(Scale + TLanes.Count);
        TVector shift0 = TLanes.Load(Shift), shift1 = TLanes.Load(Shift + TLanes.Count);
        for (int row = 0; row < rows; row++)
        {
            TVector value0 = TLanes.Load(sums), value1 = TLanes.Load(sums + TLanes.Count);
            if (Channels == width)
            {
                TLanes.Store(Finish<TLanes, TVector>(value0, scale0, shift0, residual, Flags), output);
                TLanes.Store(
                    Finish<TLanes, TVector>(value1, scale1, shift1, residual is null ? null : residual + TLanes.Count, Flags),
                    output + TLanes.Count);
            }
            else
            {
                // Through a row of full width, so that nothing past the last channel is touched.
                if (residual is not null) Copy(residual, padded, Channels);
                float* addend = residual is null ? null : padded;
                value0 = Finish<TLanes, TVector>(value0, scale0, shift0, addend, Flags);
                value1 = Finish<TLanes, TVector>(value1, scale1, shift1, addend is null ? null : addend + TLanes.Count, Flags);
                TLanes.Store(value0, padded);
                TLanes.Store(value1, padded + TLanes.Count);
                Copy(padded, output, Channels);
            }
            sums += width;
            output += RowStride;
            if (residual is not null) residual += RowStride;
        }
    }

    /// <summary>Copies a few floats.</summary>
    public static void Copy(float* source, float* destination, int count)
    {
        for (int i = 0; i < count; i++) destination[i] = source[i];
    }

    /// <summary>One vector of channels; <paramref name="residual"/> is null when nothing is added.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Finish<TLanes, TVector>(TVector value, TVector scale, TVector shift, float* residual, Epilogue flags)
        where TLanes : struct, ISimdLanes<TVector>
        where TVector : struct
    {
        value = TLanes.MultiplyAdd(value, scale, shift);
        if (flags.ReluBeforeAdd != 0) value = TLanes.Relu(value);
        if (residual is not null) value = TLanes.Add(value, TLanes.Load(residual));
        if (flags.Relu != 0) value = TLanes.Relu(value);
        return flags.HasClip != 0 ? TLanes.Clip(value, TLanes.Broadcast(flags.ClipMin), TLanes.Broadcast(flags.ClipMax)) : value;
    }
}
