using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The end of <see cref="ImplicitGemm"/>: applies the epilogue to sums and stores them to <c>[N, P, Q, K]</c>. Sums of a split or of
/// Winograd's algorithm are stored as they are, to a matrix <c>[part][M][K rounded up to quads]</c> of the workspace. A quad of channels at
/// a time: in 16-byte accesses where K is a multiple of 4, else element by element.
/// </summary>
internal struct OutputTile
{
    private int m;
    private int k;
    private int partQuad;
    private Operands operands;
    private EpilogueBounds bounds;
    private bool hasResidual;
    private bool isPartial;

    /// <summary>The output of one part of a convolution.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OutputTile Create(Conv2dShape shape, Operands operands, Epilogue epilogue, bool isPartial, int part) => new()
    {
        m = shape.GemmM,
        k = shape.K,
        partQuad = part * shape.GemmM * QuadsPerRow(shape.K),
        operands = operands,
        bounds = new EpilogueBounds(epilogue),
        hasResidual = epilogue.HasResidual != 0,
        isPartial = isPartial,
    };

    /// <summary>The quad of channels that starts at channel <paramref name="first"/>; it may lie past the last channel.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly OutputColumn Column(int first)
    {
        int inside = IntrinsicMath.Min(first, k - 1);
        return new OutputColumn
        {
            First = first,
            Count = k - first,
            Scale = LoadElements(operands.Scale, inside, k - inside),
            Shift = LoadElements(operands.Shift, inside, k - inside),
        };
    }

    /// <summary>Stores a quad of a pixel if it lies inside the output.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Store(OutputColumn column, Float4 value, int pixel)
    {
        if (pixel >= m || column.Count <= 0) return;
        if (isPartial)
        {
            ArrayView<Float4> parts = operands.Output.Cast<Float4>();
            parts[partQuad + pixel * QuadsPerRow(k) + column.First / Float4.Width] = value;
            return;
        }
        Finish(column, value, pixel);
    }

    /// <summary>Applies the epilogue to a quad that lies inside the output, and stores it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Finish(OutputColumn column, Float4 value, int pixel)
    {
        int index = pixel * k + column.First;
        bool vector = k % Float4.Width == 0;

        Float4 residual = Float4.Zero;
        if (hasResidual)
        {
            if (vector) residual = operands.Residual.Cast<Float4>()[index / Float4.Width];
            else residual = LoadElements(operands.Residual, index, column.Count);
        }
        Float4 result = Float4.Finish(bounds, value, column.Scale, column.Shift, residual);
        if (vector)
        {
            ArrayView<Float4> output = operands.Output.Cast<Float4>();
            output[index / Float4.Width] = result;
            return;
        }
        ArrayView<float> elements = operands.Output;
        elements[index] = result.X;
        if (column.Count > 1) elements[index + 1] = result.Y;
        if (column.Count > 2) elements[index + 2] = result.Z;
        if (column.Count > 3) elements[index + 3] = result.W;
    }

    /// <summary>Quads in a row of a part.</summary>
    public static int QuadsPerRow(int k) => (k + Float4.Width - 1) / Float4.Width;

    /// <summary>Loads up to four neighbouring elements; elements past the last one repeat it and are not used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 LoadElements(ArrayView<float> values, int first, int count)
    {
        int last = first + count - 1;
        return new Float4(
            values[IntrinsicMath.Min(first, last)],
            values[IntrinsicMath.Min(first + 1, last)],
            values[IntrinsicMath.Min(first + 2, last)],
            values[IntrinsicMath.Min(first + 3, last)]);
    }
}

/// <summary>Scale and shift of up to four neighbouring output channels.</summary>
internal struct OutputColumn
{
    public int First;
    public int Count;
    public Float4 Scale;
    public Float4 Shift;
}
