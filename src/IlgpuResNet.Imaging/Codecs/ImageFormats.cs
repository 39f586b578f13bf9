namespace IlgpuResNet.Imaging;

/// <summary>Tells the formats of image files by their first bytes, whatever the extension says.</summary>
internal static class ImageFormats
{
    /// <summary>Number of bytes at the start of a file that are examined.</summary>
    public const int LookAt = 64;

    private const string Advice = "convert it to JPEG or PNG first";

    /// <summary>Formats that no codec here reads, by their first bytes.</summary>
    private static readonly (byte[] Start, string Name)[] Others =
    [
        ([.. "II*\0"u8], "a TIFF file"),
        ([.. "MM\0*"u8], "a TIFF file"),
        ([.. "II+\0"u8], "a BigTIFF file"),
        ([0xFF, 0x0A], "a JPEG XL file"),
        ([0, 0, 0, 12, .. "JXL "u8], "a JPEG XL file"),
        ([0, 0, 0, 12, .. "jP  "u8], "a JPEG 2000 file"),
        ([0xFF, 0x4F, 0xFF, 0x51], "a JPEG 2000 file"),
        ([.. "8BPS"u8], "a Photoshop file"),
        ([.. "%PDF"u8], "a PDF document"),
        ([0, 0, 1, 0], "an icon (ICO)"),
        ([.. "<svg"u8], "an SVG drawing"),
        ([.. "<?xml"u8], "an XML file, such as an SVG drawing"),
        ([.. "version https://git-lfs"u8], "a Git LFS pointer, whose content was not downloaded (git lfs pull)"),
    ];

    /// <summary>True for the first bytes of a format that is read. BMP's two letters alone would not tell it from a text.</summary>
    public static bool IsReadable(ReadOnlySpan<byte> start) =>
        start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF])
        || start.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G'])
        || start.StartsWith("GIF8"u8)
        || (start.StartsWith("RIFF"u8) && start.Length >= 12 && start[8..12].SequenceEqual("WEBP"u8));

    /// <summary>Name of a format that is not read, with its article; null for any other bytes.</summary>
    public static string? Unreadable(ReadOnlySpan<byte> start)
    {
        if (start.Length >= 12 && start[4..8].SequenceEqual("ftyp"u8)) return OfBrand(start);
        foreach ((byte[] beginning, string name) in Others)
        {
            if (start.StartsWith(beginning)) return name;
        }
        return null;
    }

    /// <summary>Why a file cannot be decoded, where its bytes tell; null for a file that a codec may try.</summary>
    public static string? Obstacle(ReadOnlySpan<byte> data)
    {
        if (Unreadable(data) is { } name) return $"is {name}, which is not read; {Advice}.";
        return JpegStructure.Frame(data) switch
        {
            (JpegStructure.LosslessFrame, _) => $"is a lossless JPEG, which is not read; {Advice}.",
            ( >= JpegStructure.FirstArithmeticFrame, _) => $"is a JPEG with arithmetic coding, which is not read; {Advice}.",
            (_, not JpegStructure.UsualPrecision and var bits) =>
                $"is a JPEG of {bits} bits a channel, of which only 8 are read; {Advice}.",
            _ => null,
        };
    }

    private static string OfBrand(ReadOnlySpan<byte> start)
    {
        ReadOnlySpan<byte> brand = start[8..12];
        if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8)) return "an AVIF file";
        bool still = brand.StartsWith("hei"u8) || brand.StartsWith("hev"u8) || brand.SequenceEqual("mif1"u8)
            || brand.SequenceEqual("msf1"u8);
        return still ? "a HEIC file" : "a video or another file of the MP4 family";
    }
}
