using System.Runtime.CompilerServices;
using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The transforms of Winograd's F(m x m, 3x3) before and after its matrix products. The output is divided into tiles of m x m pixels; each
/// tile sees (m + 2) x (m + 2) pixels of the input, which overlap those of its neighbours by 2. <see cref="TransformInput"/> transforms the
/// input to <c>[element][tile][C]</c>, <see cref="ImplicitGemm"/> multiplies each element with its transformed filter, and
/// <see cref="TransformOutput"/> transforms the products <c>[element][tile][K rounded up to quads]</c> to the output.
/// </summary>
/// <remarks>
/// One thread per channel of one tile, so that all its values stay in registers; neighbouring threads have neighbouring channels, so that a
/// warp accesses whole lines of memory.
/// </remarks>
internal static class Winograd
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 128;

    /// <summary>
    /// Computes Bᵀ d B for one channel of one tile; <paramref name="count"/> is the number of tiles times the number of channels.
    /// </summary>
    public static void TransformInput<TTransform>(int count, Conv2dShape shape, ArrayView<float> input, ArrayView<float> transformed)
        where TTransform : struct, IWinogradTransform
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        var tile = InputTile.Create<TTransform>(shape, input, i);
        WinogradVector c0 = TTransform.Input(tile.Column(0)), c1 = TTransform.Input(tile.Column(1));
        WinogradVector c2 = TTransform.Input(tile.Column(2)), c3 = TTransform.Input(tile.Column(3));
        WinogradVector c4 = default, c5 = default;
        if (TTransform.Outputs == 4)
        {
            c4 = TTransform.Input(tile.Column(4));
            c5 = TTransform.Input(tile.Column(5));
        }
        StoreRow<TTransform>(transformed, i, count, 0, new WinogradVector(c0.V0, c1.V0, c2.V0, c3.V0, c4.V0, c5.V0));
        StoreRow<TTransform>(transformed, i, count, 1, new WinogradVector(c0.V1, c1.V1, c2.V1, c3.V1, c4.V1, c5.V1));
        StoreRow<TTransform>(transformed, i, count, 2, new WinogradVector(c0.V2, c1.V2, c2.V2, c3.V2, c4.V2, c5.V2));
        StoreRow<TTransform>(transformed, i, count, 3, new WinogradVector(c0.V3, c1.V3, c2.V3, c3.V3, c4.V3, c5.V3));
        if (TTransform.Outputs == 4)
        {
            StoreRow<TTransform>(transformed, i, count, 4, new WinogradVector(c0.V4, c1.V4, c2.V4, c3.V4, c4.V4, c5.V4));
            StoreRow<TTransform>(transformed, i, count, 5, new WinogradVector(c0.V5, c1.V5, c2.V5, c3.V5, c4.V5, c5.V5));
        }
    }

    /// <summary>
    /// Computes Aᵀ M A and the epilogue for one channel of one tile; <paramref name="count"/> is the number of tiles times the number of
    /// channels.
    /// </summary>
    public static void TransformOutput<TTransform>(
        int count, Conv2dShape shape, ArrayView<float> products, Operands operands, Epilogue epilogue)
        where TTransform : struct, IWinogradTransform
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int side = TTransform.Outputs + WinogradFilter.Taps - 1;
        int padded = OutputTile.QuadsPerRow(shape.K) * Float4.Width;
        int tile = i / shape.K, k = i - tile * shape.K;
        int element = count / shape.K * padded, first = tile * padded + k;
        WinogradVector c0 = TTransform.Output(LoadColumn<TTransform>(products, first, side * element, element));
        WinogradVector c1 = TTransform.Output(LoadColumn<TTransform>(products, first + element, side * element, element));
        WinogradVector c2 = TTransform.Output(LoadColumn<TTransform>(products, first + 2 * element, side * element, element));
        WinogradVector c3 = TTransform.Output(LoadColumn<TTransform>(products, first + 3 * element, side * element, element));
        WinogradVector c4 = default, c5 = default;
        if (TTransform.Outputs == 4)
        {
            c4 = TTransform.Output(LoadColumn<TTransform>(products, first + 4 * element, side * element, element));
            c5 = TTransform.Output(LoadColumn<TTransform>(products, first + 5 * element, side * element, element));
        }
        var output = OutputPixels.Create<TTransform>(shape, operands, epilogue, tile, k);
        output.StoreRow<TTransform>(0, new WinogradVector(c0.V0, c1.V0, c2.V0, c3.V0, c4.V0, c5.V0));
        output.StoreRow<TTransform>(1, new WinogradVector(c0.V1, c1.V1, c2.V1, c3.V1, c4.V1, c5.V1));
        if (TTransform.Outputs == 4)
        {
            output.StoreRow<TTransform>(2, new WinogradVector(c0.V2, c1.V2, c2.V2, c3.V2, c4.V2, c5.V2));
            output.StoreRow<TTransform>(3, new WinogradVector(c0.V3, c1.V3, c2.V3, c3.V3, c4.V3, c5.V3));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TTransform>(ArrayView<float> transformed, int i, int count, int row, WinogradVector values)
        where TTransform : struct, IWinogradTransform
    {
        WinogradVector t = TTransform.Input(values);
        int target = row * (TTransform.Outputs + WinogradFilter.Taps - 1) * count + i;
        transformed[target] = t.V0;
        transformed[target + count] = t.V1;
        transformed[target + 2 * count] = t.V2;
        transformed[target + 3 * count] = t.V3;
        if (TTransform.Outputs == 4)
        {
            transformed[target + 4 * count] = t.V4;
            transformed[target + 5 * count] = t.V5;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static WinogradVector LoadColumn<TTransform>(ArrayView<float> products, int first, int row, int element)
        where TTransform : struct, IWinogradTransform => new(
            products[first],
            products[first + row],
            products[first + 2 * row],
            products[first + 3 * row],
            TTransform.Outputs == 4 ? products[first + 4 * row] : 0f,
            TTransform.Outputs == 4 ? products[first + 5 * row] : 0f);

    /// <summary>One channel of the input pixels that a tile sees; pixels outside the image are zeros.</summary>
    private struct InputTile
    {
        private ArrayView<float> input;
        private int height;
        private int width;
        private int channels;
        private int h;
        private int w;
        private int index;
        private bool isWide;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static InputTile Create<TTransform>(Conv2dShape shape, ArrayView<float> input, int i)
            where TTransform : struct, IWinogradTransform
        {
            int tilesQ = (shape.Q + TTransform.Outputs - 1) / TTransform.Outputs;
            int tilesP = (shape.P + TTransform.Outputs - 1) / TTransform.Outputs;
            int tile = i / shape.C, tileRow = tile / tilesQ, image = tileRow / tilesP;
            int h = (tileRow - image * tilesP) * TTransform.Outputs - shape.PadH;
            int w = (tile - tileRow * tilesQ) * TTransform.Outputs - shape.PadW;
            return new InputTile
            {
                input = input,
                height = shape.H,
                width = shape.W,
                channels = shape.C,
                h = h,
                w = w,
                index = ((image * shape.H + h) * shape.W + w) * shape.C + i - tile * shape.C,
                isWide = TTransform.Outputs == 4,
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly WinogradVector Column(int column) => new(
            Pixel(0, column), Pixel(1, column), Pixel(2, column), Pixel(3, column),
            isWide ? Pixel(4, column) : 0f, isWide ? Pixel(5, column) : 0f);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly float Pixel(int row, int column)
        {
            bool inside = (uint)(h + row) < (uint)height & (uint)(w + column) < (uint)width;
            float value = input[inside ? index + (row * width + column) * channels : 0];
            return inside ? value : 0f;
        }
    }

    /// <summary>One channel of the output pixels of a tile.</summary>
    private struct OutputPixels
    {
        private ArrayView<float> output;
        private ArrayView<float> residual;
        private EpilogueBounds bounds;
        private bool hasResidual;
        private float scale;
        private float shift;
        private int rows;
        private int columns;
        private int pitch;
        private int k;
        private int index;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static OutputPixels Create<TTransform>(Conv2dShape shape, Operands operands, Epilogue epilogue, int tile, int k)
            where TTransform : struct, IWinogradTransform
        {
            int tilesQ = (shape.Q + TTransform.Outputs - 1) / TTransform.Outputs;
            int tilesP = (shape.P + TTransform.Outputs - 1) / TTransform.Outputs;
            int tileRow = tile / tilesQ, image = tileRow / tilesP;
            int p = (tileRow - image * tilesP) * TTransform.Outputs, q = (tile - tileRow * tilesQ) * TTransform.Outputs;
            return new OutputPixels
            {
                output = operands.Output,
                residual = operands.Residual,
                bounds = new EpilogueBounds(epilogue),
                hasResidual = epilogue.HasResidual != 0,
                scale = operands.Scale[k],
                shift = operands.Shift[k],
                rows = shape.P - p,
                columns = shape.Q - q,
                pitch = shape.Q,
                k = shape.K,
                index = ((image * shape.P + p) * shape.Q + q) * shape.K + k,
            };
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void StoreRow<TTransform>(int row, WinogradVector values)
            where TTransform : struct, IWinogradTransform
        {
            // The first pixel of a tile always exists.
            if (row > 0 && row >= rows) return;
            WinogradVector pixels = TTransform.Output(values);
            int first = index + row * pitch * k;
            Store(first, 0, pixels.V0);
            Store(first, 1, pixels.V1);
            if (TTransform.Outputs == 4)
            {
                Store(first, 2, pixels.V2);
                Store(first, 3, pixels.V3);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly void Store(int first, int column, float value)
        {
            if (column > 0 && column >= columns) return;
            int target = first + column * k;
            float summand = hasResidual ? residual[target] : 0f;
            output[target] = bounds.Finish(value, scale, shift, summand);
        }
    }
}
