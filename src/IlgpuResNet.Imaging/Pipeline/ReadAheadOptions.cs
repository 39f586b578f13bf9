namespace IlgpuResNet;

/// <summary>How image files are read and decoded ahead of the device.</summary>
public sealed record ReadAheadOptions
{
    private const long UsualDecodedBytes = 256L << 20;

    /// <summary>True to turn images upright as their EXIF orientation says, false for the pixels as stored.</summary>
    public bool ApplyOrientation { get; init; } = true;

    /// <summary>Files that are decoded at the same time; null for as many as there are processors.</summary>
    public int? Workers { get; init; }

    /// <summary>No further file is begun while decoded images hold so many bytes, and a batch runs early when they hold half of it: large batches of large images must not fill the memory.</summary>
    public long DecodedBytes { get; init; } = UsualDecodedBytes;

    /// <exception cref="ArgumentOutOfRangeException">A number is below 1.</exception>
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Workers ?? 1, 1, nameof(Workers));
        ArgumentOutOfRangeException.ThrowIfLessThan(DecodedBytes, 1, nameof(DecodedBytes));
    }
}
