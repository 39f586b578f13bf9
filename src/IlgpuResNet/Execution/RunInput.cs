namespace IlgpuResNet.Execution;

/// <summary>
/// Input of one run: prepared floats, images that the caller keeps, or one borrowed image. It lies on the stack, not on the heap.
/// </summary>
internal readonly ref struct RunInput
{
    private readonly ReadOnlySpan<PixelBuffer> kept;
    private readonly PixelSpan borrowed;

    /// <summary>Prepared input, <c>[N, C, H, W]</c> or as an ONNX file declares it.</summary>
    public RunInput(ReadOnlySpan<float> floats) => Floats = floats;

    /// <summary>Images of any size.</summary>
    public RunInput(ReadOnlySpan<PixelBuffer> images)
    {
        kept = images;
        IsImages = true;
    }

    /// <summary>One borrowed image of any size.</summary>
    public RunInput(PixelSpan image)
    {
        borrowed = image;
        IsImages = true;
    }

    /// <summary>True for images, which the device prepares; false for prepared floats.</summary>
    public bool IsImages { get; }

    /// <summary>Prepared floats; empty for images.</summary>
    public ReadOnlySpan<float> Floats { get; }

    /// <summary>One of the images.</summary>
    public PixelSpan Image(int index) => kept.IsEmpty ? borrowed : kept[index].Span;
}
