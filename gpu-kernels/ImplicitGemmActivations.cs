using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The row of matrix A that belongs to one output pixel, never formed in memory: element k = (r·S + s)·C + c is the
/// activation under filter tap (r, s) in channel c, or 0 where the tap lies in the padding. Read from k = 0
/// upwards, four elements at a time; past the end of the row, and in rows past the last pixel, all is 0.
/// </summary>
/// <remarks>The walk steps from tap to tap by additions: the main loop divides nothing.</remarks>
internal interface IActivations<TSelf>
    where TSelf : struct, IActivations<TSelf>
{
    /// <summary>The row of output pixel m, 0 &lt;= m; m may lie past the last pixel.</summary>
    static abstract TSelf Create(Conv2dShape shape, ArrayView<float> input, int m);

    /// <summary>The next four elements.</summary>
    Float4 LoadNext();
}

/// <summary>1x1, stride 1, no padding, C a multiple of 4: the row lies in memory as it is.</summary>
internal struct DenseActivations : IActivations<DenseActivations>
{
    private ArrayView<Float4> input;
    private int index;
    private int end;

    public static DenseActivations Create(Conv2dShape shape, ArrayView<float> input, int m)
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
/// A walk over the elements of one row: channels first, then taps. What it counts as a channel is up to its user:
/// a quad of channels or one.
/// </summary>
internal struct TapWalk
{
    /// <summary>Far enough above the image that no filter reaches down into it.</summary>
    private const int Nowhere = int.MinValue / 2;

    private int height;
    private int width;
    private int channels;
    private int rowStep;
    private int h;
    private int endH;
    private int w;
    private int firstW;
    private int endW;
    private int c;
    private int index;

    public static TapWalk Create(Conv2dShape shape, int channels, int m)
    {
        bool exists = m < shape.GemmM;
        int pixel = exists ? m : 0;
        int row = pixel / shape.Q;
        int n = row / shape.P;
        int h = (row - n * shape.P) * shape.StrideH - shape.PadH;
        int w = (pixel - row * shape.Q) * shape.StrideW - shape.PadW;
        return new TapWalk
        {
            height = shape.H,
            width = shape.W,
            channels = channels,
            rowStep = (shape.W - shape.S) * channels,
            h = exists ? h : Nowhere,
            endH = h + shape.R,
            w = w,
            firstW = w,
            endW = w + shape.S,
            c = 0,
            index = ((n * shape.H + h) * shape.W + w) * channels,
        };
    }

    /// <summary>True when the current element lies in the image and before the end of the row.</summary>
    public readonly bool Inside => (uint)h < (uint)height & (uint)w < (uint)width & h < endH;

    /// <summary>Index of the current element, 0 when it is not inside: an index is never negative.</summary>
    public readonly int Index => Inside ? index : 0;

    /// <summary>On to the next channel; after the last, to the next tap.</summary>
    public void Advance()
    {
        c++;
        index++;
        if (c < channels) return;
        c = 0;
        w++;
        if (w < endW) return;
        w = firstW;
        h++;
        index += rowStep;
    }
}

/// <summary>Any convolution with C a multiple of 4: four channels of one tap per 16-byte load.</summary>
internal struct VectorActivations : IActivations<VectorActivations>
{
    private ArrayView<Float4> input;
    private TapWalk walk;

    public static VectorActivations Create(Conv2dShape shape, ArrayView<float> input, int m) => new()
    {
        input = input.Cast<Float4>(),
        walk = TapWalk.Create(shape, shape.C / Float4.Width, m),
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

    public static ScalarActivations Create(Conv2dShape shape, ArrayView<float> input, int m) => new()
    {
        input = input,
        walk = TapWalk.Create(shape, shape.C, m),
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
