using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The row of matrix A that belongs to one output pixel and one tile of output channels, never formed in memory: element
/// k = (r·S + s)·L + c is the activation under filter tap (r, s) in channel c of the L that the tile reads
/// (<see cref="ChannelWindow"/>), or 0 where the tap lies in the padding. Read from k = 0
/// upwards, four elements at a time; past the end of the row, and in rows past the last pixel, all is 0.
/// </summary>
/// <remarks>The walk steps from tap to tap by additions: the main loop divides nothing.</remarks>
internal interface IActivations<TSelf>
    where TSelf : struct, IActivations<TSelf>
{
    /// <summary>The row of output pixel m, 0 &lt;= m, for the tile whose first output channel is n; m may lie past the last pixel.</summary>
    static abstract TSelf Create(Conv2dShape shape, ChannelWindow window, ArrayView<float> input, int m, int n);

    /// <summary>The next four elements.</summary>
    Float4 LoadNext();
}

/// <summary>1x1, stride 1, no padding, one group, C a multiple of 4: the row lies in memory as it is.</summary>
internal struct DenseActivations : IActivations<DenseActivations>
{
    private ArrayView<Float4> input;
    private int index;
    private int end;

    public static DenseActivations Create(Conv2dShape shape, ChannelWindow window, ArrayView<float> input, int m, int n)
    {
        int length = shape.C / Float4.Width;
        bool exists = m < shape.GemmM;
        return new DenseActivations
        {
            input = input.Cast<Float4>(),
            index = exists ? m * length : 0,
            end = exists ? (m + 1) * length : 0,
        };
    }

    public Float4 LoadNext()
    {
        bool inside = index < end;
        Float4 value = input[inside ? index : 0];
        index++;
        return Float4.OrZero(inside, value);
    }
}

/// <summary>
/// A walk over the elements of one row: channels first, then taps. It counts in units of one channel or of several that are
/// loaded as one.
/// </summary>
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

    /// <summary>The walk in units of <paramref name="unit"/> channels.</summary>
    public static TapWalk Create(Conv2dShape shape, ChannelWindow window, int unit, int m, int n)
    {
        int channels = shape.C / unit;
        int length = window.Length / unit;
        bool exists = m < shape.GemmM;
        int pixel = exists ? m : 0;
        int row = pixel / shape.Q;
        int image = row / shape.P;
        int h = (row - image * shape.P) * shape.StrideH - shape.PadH;
        int w = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        int index = ((image * shape.H + h) * shape.W + w) * channels + window.First(n) / unit;
        return new TapWalk
        {
            height = shape.H,
            width = shape.W,
            length = length,
            tapGap = shape.DilationW * channels - length,
            rowGap = (shape.DilationH * shape.W - shape.DilationW * shape.S) * channels,
            dilationH = shape.DilationH,
            dilationW = shape.DilationW,
            h = exists ? h : Nowhere,
            endH = h + shape.R * shape.DilationH,
            w = w,
            firstW = w,
            endW = w + shape.S * shape.DilationW,
            index = index,
            endIndex = index + length,
        };
    }

    /// <summary>True when the current element lies in the image and before the end of the row.</summary>
    public readonly bool Inside => (uint)h < (uint)height & (uint)w < (uint)width & h < endH;

    /// <summary>Index of the current element, 0 when it is not inside: an index is never negative.</summary>
    public readonly int Index => Inside ? index : 0;

    /// <summary>On to the next channel; after the last, to the next tap.</summary>
    public void Advance()
    {
        index++;
        if (index < endIndex) return;
        index += tapGap;
        w += dilationW;
        if (w >= endW)
        {
            w = firstW;
            h += dilationH;
            index += rowGap;
        }
        endIndex = index + length;
    }
}

/// <summary>Any convolution with C a multiple of 4: four channels of one tap per 16-byte load.</summary>
internal struct VectorActivations : IActivations<VectorActivations>
{
    private ArrayView<Float4> input;
    private TapWalk walk;

    public static VectorActivations Create(Conv2dShape shape, ChannelWindow window, ArrayView<float> input, int m, int n) => new()
    {
        input = input.Cast<Float4>(),
        walk = TapWalk.Create(shape, window, Float4.Width, m, n),
    };

    public Float4 LoadNext()
    {
        Float4 value = Float4.OrZero(walk.Inside, input[walk.Index]);
        walk.Advance();
        return value;
    }
}

/// <summary>Any convolution with any C, one element per load: the stem with its three colours.</summary>
internal struct ScalarActivations : IActivations<ScalarActivations>
{
    private ArrayView<float> input;
    private TapWalk walk;

    public static ScalarActivations Create(Conv2dShape shape, ChannelWindow window, ArrayView<float> input, int m, int n) => new()
    {
        input = input,
        walk = TapWalk.Create(shape, window, 1, m, n),
    };

    public Float4 LoadNext()
    {
        float x = LoadNextElement();
        float y = LoadNextElement();
        float z = LoadNextElement();
        float w = LoadNextElement();
        return new Float4(x, y, z, w);
    }

    private float LoadNextElement()
    {
        float value = input[walk.Index];
        bool inside = walk.Inside;
        walk.Advance();
        return inside ? value : 0f;
    }
}
