namespace IlgpuResNet;

/// <summary>Options of reading and decoding image files ahead of the device.</summary>
public sealed record ReadAheadOptions
{
    private const long UsualDecodedBytes = 256L << 20;

    /// <summary>True to rotate images upright by their EXIF orientation; false for the pixels as stored.</summary>
    public bool ApplyOrientation { get; init; } = true;

    /// <summary>True to take images whose data ends early; their missing part is black or gray.</summary>
    public bool AcceptTruncated { get; init; }

    /// <summary>
    /// Opens a path that stands for something else than a file, such as an entry of an archive, and returns null for files; null, the
    /// default, when all paths are those of files. It is called on several threads at a time and may throw an <see cref="ImageException"/>;
    /// the stream is disposed after it was read.
    /// </summary>
    public Func<string, Stream?>? Open { get; init; }

    /// <summary>Number of files that are decoded at the same time; null for the number of processor cores.</summary>
    public int? Workers { get; init; }

    /// <summary>
    /// Bytes of decoded images, 256 MiB by default. No further file is decoded while decoded images hold this many bytes, and a batch runs
    /// early when its images hold half of them, so that large batches of large images do not fill the memory.
    /// </summary>
    public long DecodedBytes { get; init; } = UsualDecodedBytes;

    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers ?? 1, 1, nameof(Workers));
        ArgumentOutOfRangeException.ThrowIfLessThan(DecodedBytes, 1, nameof(DecodedBytes));
    }
}
