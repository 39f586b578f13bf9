namespace IlgpuResNet;

/// <content>The codec in use.</content>
public static partial class ImageFile
{
    private static readonly Lazy<IImageCodec?> Found = new(Find);

    private static IImageCodec? Chosen;

    /// <summary>
    /// Codec that decodes and encodes image files: that of the package IlgpuResNet.SkiaSharp where the program has it, else that of
    /// IlgpuResNet.ImageSharp. A program may set another one before it reads its first image.
    /// </summary>
    /// <exception cref="ImageException">The program has neither package.</exception>
    public static IImageCodec Codec
    {
        get => Chosen ?? Found.Value ?? throw new ImageException(
            "This program has no image library; add the package IlgpuResNet.SkiaSharp or IlgpuResNet.ImageSharp.");
        set => Chosen = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>Makes the codec of a package that lies beside this one. The names are literals, so that trimming keeps the types.</summary>
    private static IImageCodec? Find()
    {
        if (Type.GetType("IlgpuResNet.SkiaCodec, IlgpuResNet.SkiaSharp") is { } skia) return (IImageCodec?)Activator.CreateInstance(skia);
        if (Type.GetType("IlgpuResNet.ImageSharpCodec, IlgpuResNet.ImageSharp") is { } sharp)
            return (IImageCodec?)Activator.CreateInstance(sharp);
        return null;
    }
}
