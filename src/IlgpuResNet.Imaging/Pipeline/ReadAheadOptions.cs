namespace IlgpuResNet;

/// <summary>Options of reading and decoding image files ahead of the device.</summary>
public sealed record ReadAheadOptions
{
    private const long UsualDecodedBytes = 256L << 20;

    /// <summary>True to rotate images upright by their EXIF orientation; false for the pixels as stored.</summary>
    public bool ApplyOrientation { get; init; } = true;

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
