using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The row of matrix A for one output pixel and one tile of output channels, which is never stored: element k = (r·S + s)·L + c is the
/// activation under filter tap (r, s) in channel c of the L channels that the tile reads (<see cref="ChannelWindow"/>), or 0 where the tap
/// lies in the padding. It is read from its beginning to its end, a slice of quads at a time, of which a thread loads one or two; past the
/// end of the row, elements are 0 or are not multiplied. Channels come in quads (<see cref="PadChannels"/>).
/// </summary>
/// <remarks>The walk steps from tap to tap by additions, so that the main loop divides nothing.</remarks>
internal interface IActivations<TSelf>
    where TSelf : struct, IActivations<TSelf>
{
    /// <summary>
    /// The row of output pixel m, 0 &lt;= m, for the tile whose first output channel is n, beginning at a quad of a slice; m may lie past
    /// the last pixel, and the slice past the end. Pixels start <paramref name="origin"/> quads from the beginning of the input.
    /// </summary>
    static abstract TSelf Create(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input,
        int origin, int m, int n, int firstSlice, int sliceQuads, int quad);

    /// <summary>
    /// Begins a run and returns its number of slices, at most <paramref name="most"/>, which can be loaded before the next call; the very
    /// first slice needs no run. Numbers that change only between runs stay out of the main loop.
    /// </summary>
    int BeginRun(int most);

    /// <summary>Loads the next one or two quads and skips the others of the slice. Both arguments are constants.</summary>
    QuadPair Load(int quads, int sliceQuads);
}

/// <summary>1x1, stride 1, no padding, one group, C in whole slices: the row is contiguous in memory.</summary>
internal struct DenseActivations : IActivations<DenseActivations>
{
    private ArrayView<Float4> input;
    private int index;
    private int last;

    /// <summary>Past the last pixel the last row is read again; its results are never stored.</summary>
    public static DenseActivations Create(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input,
        int origin, int m, int n, int firstSlice, int sliceQuads, int quad)
    {
        int length = shape.C / Float4.Width;
        int row = origin + IntrinsicMath.Min(m, shape.GemmM - 1) * length + quad;
        int last = row + length - sliceQuads;
        return new DenseActivations
        {
            input = input.Cast<Float4>(),
            index = row + (firstSlice - 1) * sliceQuads,
            last = last,
        };
    }

    public readonly int BeginRun(int most) => most;

    public QuadPair Load(int quads, int sliceQuads)
    {
        // The index stays at the last slice.
        index = IntrinsicMath.Min(index + sliceQuads, last);
        QuadPair loaded = default;
        loaded.First = input[index];
        if (quads > 1) loaded.Second = input[index + 1];
        return loaded;
    }
}

/// <summary>A walk over the quads of one row: channels first, then taps.</summary>
internal struct TapWalk
{
    /// <summary>A row so far above the image that no filter reaches into the image.</summary>
    private const int Nowhere = int.MinValue / 2;

    private int height;
    private int width;
    private int length;
    private int tapGap;
    private int rowGap;
    private int dilationH;
    private int dilationW;
    private int h;
    private int endH;
    private int w;
    private int firstW;
    private int endW;
    private int index;
    private int endIndex;
    private bool inside;

    /// <summary>The walk that begins at a quad of the row.</summary>
    public static TapWalk Create(Conv2dShape shape, ChannelWindow window, int origin, int m, int n, int firstQuad)
    {
        int channels = shape.C / Float4.Width;
        int length = window.Length / Float4.Width;
        bool exists = m < shape.GemmM;
        int pixel = exists ? m : 0;
        int row = pixel / shape.Q;
        int image = row / shape.P;
        int tap = firstQuad / length, tapR = tap / shape.S, tapS = tap - tapR * shape.S;
        int originH = (row - image * shape.P) * shape.StrideH - shape.PadH;
        int originW = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        int h = originH + tapR * shape.DilationH, w = originW + tapS * shape.DilationW;
        int start = origin + ((image * shape.H + h) * shape.W + w) * channels + window.First(n) / Float4.Width;
        var walk = new TapWalk
        {
            height = shape.H,
            width = shape.W,
            length = length,
            tapGap = shape.DilationW * channels - length,
            rowGap = (shape.DilationH * shape.W - shape.DilationW * shape.S) * channels,
            dilationH = shape.DilationH,
            dilationW = shape.DilationW,
            h = exists ? h : Nowhere,
            endH = originH + shape.R * shape.DilationH,
            w = w,
            firstW = originW,
            endW = originW + shape.S * shape.DilationW,
            index = start + firstQuad - tap * length,
            endIndex = start + length,
        };
        walk.inside = walk.IsInside;
        return walk;
    }

    /// <summary>The current quad, zeros where its tap lies outside the image or past the end of the row.</summary>
    public readonly Float4 Load(ArrayView<Float4> input) => Load(input, 0);

    /// <summary>A later quad of the same tap.</summary>
    // An index must not be negative, so that element 0 is loaded where there is nothing to load.
    public readonly Float4 Load(ArrayView<Float4> input, int later) => Float4.OrZero(inside, input[inside ? index + later : 0]);

    /// <summary>Advances by a number of quads that divides the quads of a tap; after the last quad of a tap, to the next tap.</summary>
    public void Advance(int quads)
    {
        index += quads;
        if (index < endIndex) return;
        index += tapGap;
        endIndex += tapGap + length;
        w += dilationW;
        if (w >= endW)
        {
            w = firstW;
            h += dilationH;
            index += rowGap;
            endIndex += rowGap;
        }
        inside = IsInside;
    }

    private readonly bool IsInside => (uint)h < (uint)height & (uint)w < (uint)width & h < endH;
}

/// <summary>
/// Any convolution of at most <see cref="TapSteps.MostTaps"/> taps whose tiles read whole slices of channels: a slice lies in one tap, so
/// that all threads advance to the next tap together.
/// </summary>
internal struct SliceActivations : IActivations<SliceActivations>
{
    private ArrayView<Float4> input;
    private int index;

    /// <summary>A bit for the current tap and each tap after it: 1 where the tap lies in the image.</summary>
    private int insideMask;

    /// <summary>A bit for the current tap and each tap after it: 1 where the tap is the last of its row.</summary>
    private int rowEndMask;
    private int slicesLeft;
    private TapSteps steps;

    public static SliceActivations Create(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input,
        int origin, int m, int n, int firstSlice, int sliceQuads, int quad)
    {
        int channels = shape.C / Float4.Width;
        int firstTap = firstSlice / steps.SlicesOfTap, tapR = firstTap / shape.S, tapS = firstTap - tapR * shape.S;
        bool exists = m < shape.GemmM;
        int pixel = exists ? m : 0;
        int row = pixel / shape.Q;
        int image = row / shape.P;
        int h = (row - image * shape.P) * shape.StrideH - shape.PadH;
        int w = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        // The taps of one row in each row that lies in the image.
        int mask = MaskOf(w, shape.DilationW, shape.W, shape.S, 1) * (steps.Rows & MaskOf(h, shape.DilationH, shape.H, shape.R, shape.S));
        // It starts one slice before the first: advancing before each load keeps no old index in a register.
        int sliceInTap = firstSlice - firstTap * steps.SlicesOfTap;
        return new SliceActivations
        {
            input = input.Cast<Float4>(),
            index = origin + ((image * shape.H + h + tapR * shape.DilationH) * shape.W + w + tapS * shape.DilationW) * channels
                + window.First(n) / Float4.Width + (sliceInTap - 1) * sliceQuads + quad,
            insideMask = exists ? mask >> firstTap : 0,
            rowEndMask = steps.Rows << (shape.S - 1) >> firstTap,
            slicesLeft = steps.SlicesOfTap - sliceInTap - 1,
            steps = steps,
        };
    }

    /// <summary>
    /// The mask of the taps of a row or a column that lie in the image, <paramref name="bits"/> bits for each. These taps are neighbours,
    /// so that no loop is needed; with a loop, ILGPU would take the mask as equal in all threads.
    /// </summary>
    private static int MaskOf(int first, int dilation, int extent, int taps, int bits)
    {
        int begin = IntrinsicMath.Max(-first + dilation - 1, 0) / dilation;
        int end = IntrinsicMath.Min(IntrinsicMath.Max(extent - first + dilation - 1, 0) / dilation, taps);
        return end <= begin ? 0 : (1 << end * bits) - (1 << begin * bits);
    }

    public int BeginRun(int most)
    {
        if (slicesLeft == 0)
        {
            slicesLeft = steps.SlicesOfTap;
            index += (rowEndMask & 1) != 0 ? steps.RowGap : steps.TapGap;
            insideMask >>= 1;
            rowEndMask >>= 1;
        }
        int run = IntrinsicMath.Min(slicesLeft, most);
        slicesLeft = RegisterPin.Of(slicesLeft - run);
        return run;
    }

    public QuadPair Load(int quads, int sliceQuads)
    {
        index += sliceQuads;
        QuadPair loaded = default;
        if ((insideMask & 1) != 0)
        {
            loaded.First = input[index];
            if (quads > 1) loaded.Second = input[index + 1];
        }
        return loaded;
    }
}

/// <summary>
/// Any convolution with C a multiple of 4, such as the stem with its three colours padded to four: a tap may end within a slice, which is
/// two quads.
/// </summary>
internal struct QuadActivations : IActivations<QuadActivations>
{
    private ArrayView<Float4> input;
    private TapWalk walk;

    public static QuadActivations Create(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input,
        int origin, int m, int n, int firstSlice, int sliceQuads, int quad) => new()
        {
            input = input.Cast<Float4>(),
            walk = TapWalk.Create(shape, window, origin, m, n, firstSlice * sliceQuads + quad),
        };

    public readonly int BeginRun(int most) => most;

    public QuadPair Load(int quads, int sliceQuads)
    {
        QuadPair loaded = default;
        loaded.First = walk.Load(input);
        walk.Advance(1);
        if (quads > 1) loaded.Second = walk.Load(input);
        walk.Advance(1);
        return loaded;
    }
}
