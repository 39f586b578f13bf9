using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The row of matrix A that belongs to one output pixel and one tile of output channels, never formed in memory: element
/// k = (r·S + s)·L + c is the activation under filter tap (r, s) in channel c of the L that the tile reads
/// (<see cref="ChannelWindow"/>), or 0 where the tap lies in the padding. Read upwards, a slice of quads at a time, of which a thread loads one or
/// two; past the end of the row all is 0 or not multiplied. Channels come in quads: <see cref="PadChannels"/>.
/// </summary>
/// <remarks>The walk steps from tap to tap by additions: the main loop divides nothing.</remarks>
internal interface IActivations<TSelf>
    where TSelf : struct, IActivations<TSelf>
{
    /// <summary>
    /// The row of output pixel m, 0 &lt;= m, for the tile whose first output channel is n, from a quad of a slice on; m may lie past the
    /// last pixel, the slice past the end. Pixels start <paramref name="origin"/> quads from the beginning.
    /// </summary>
    static abstract TSelf Create(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input, int origin, int m, int n, int firstSlice, int sliceQuads, int quad);

    /// <summary>
    /// Slices that can be loaded before this must be called again, at most <paramref name="most"/>; the first slice of all needs no run. What changes only
    /// between runs is kept out of the main loop.
    /// </summary>
    int BeginRun(int most);

    /// <summary>The next one or two quads; the others of the slice are passed over. Both numbers are constants.</summary>
    QuadPair Load(int quads, int sliceQuads);
}

/// <summary>1x1, stride 1, no padding, one group, C whole slices: the row lies in memory as it is.</summary>
internal struct DenseActivations : IActivations<DenseActivations>
{
    private ArrayView<Float4> input;
    private int index;
    private int last;

    /// <summary>A row past the last pixel is the last one again: what is made of it is never stored.</summary>
    public static DenseActivations Create(Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input, int origin, int m, int n, int firstSlice, int sliceQuads, int quad)
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
        // Stays at the last slice.
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
    /// <summary>Far enough above the image that no filter reaches down into it.</summary>
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

    /// <summary>The walk from a quad of the row on.</summary>
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
    // An index is never negative: where there is nothing to load, element 0 is.
    public readonly Float4 Load(ArrayView<Float4> input, int later) => Float4.OrZero(inside, input[inside ? index + later : 0]);

    /// <summary>On by so many quads, of which each tap has a multiple; after the last of a tap, to the next one.</summary>
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
/// Any convolution of at most <see cref="TapSteps.MostTaps"/> taps whose tiles read whole slices of channels: a slice lies in one tap, so that all threads go on to the next one together.
/// </summary>
internal struct SliceActivations : IActivations<SliceActivations>
{
    private ArrayView<Float4> input;
    private int index;

    /// <summary>A bit for each tap from the current one on: 1 where it lies in the image.</summary>
    private int insideMask;

    /// <summary>A bit for each tap from the current one on: 1 where it is the last of its row.</summary>
    private int rowEndMask;
    private int slicesLeft;
    private TapSteps steps;

    public static SliceActivations Create(
        Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input, int origin, int m, int n, int firstSlice, int sliceQuads, int quad)
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
        // One slice before the first: to go on and then load leaves no old numbers to be kept.
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
    /// Which taps of a row or a column lie in the image: <paramref name="bits"/> bits for each. They are neighbours, so that no loop is needed: by one,
    /// ILGPU would believe that all threads have the same mask.
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

/// <summary>Any convolution with C a multiple of 4, the stem's with its three colours padded among them: a tap may end within a slice, which is two quads.</summary>
internal struct QuadActivations : IActivations<QuadActivations>
{
    private ArrayView<Float4> input;
    private TapWalk walk;

    public static QuadActivations Create(Conv2dShape shape, ChannelWindow window, TapSteps steps, ArrayView<float> input, int origin, int m, int n, int firstSlice, int sliceQuads, int quad) => new()
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
