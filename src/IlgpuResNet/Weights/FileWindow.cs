namespace IlgpuResNet.Weights;

/// <summary>
/// The part of a file that is being parsed, in memory of this process. It moves to the bytes that are asked for, so that a parser which
/// skips the weights never reads them.
/// </summary>
internal sealed class FileWindow(WeightsFile.Lease lease, ReadBudget budget)
{
    /// <summary>Bytes read at once: a header of a tensor or a few nodes. Reading more would read weights that follow them.</summary>
    public const int UsualLength = 1 << 12;

    private byte[] buffer = new byte[UsualLength];
    private long start;
    private int count;

    /// <summary>Length of the file in bytes.</summary>
    public long FileLength => lease.File.Length;

    /// <summary>The byte at an offset in the file.</summary>
    public byte this[long offset] => Bytes(offset, 1)[0];

    /// <summary>
    /// Returns a range of the file's bytes, valid until the next call. More than the usual length is charged to the budget.
    /// </summary>
    /// <exception cref="WeightsException">The file was cut, cannot be read, or the budget is exhausted.</exception>
    public ReadOnlySpan<byte> Bytes(long offset, int length)
    {
        long at = offset - start;
        if (at < 0 || at > count - length)
        {
            Move(offset, length);
            at = 0;
        }
        return buffer.AsSpan((int)at, length);
    }

    /// <summary>Copies bytes of the file from an offset on, until the destination is full.</summary>
    /// <exception cref="WeightsException">The file was cut or cannot be read.</exception>
    public void CopyTo(long offset, Span<byte> destination)
    {
        if (destination.Length <= UsualLength) Bytes(offset, destination.Length).CopyTo(destination);
        else lease.Read(offset, destination);
    }

    /// <summary>The error of a file whose content was not the same when it was read for the second time.</summary>
    public WeightsException Changed() => WeightsFile.Changed(lease.File.Path);

    private void Move(long offset, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, FileLength - length);
        count = 0;
        if (length > buffer.Length)
        {
            budget.Charge(length);
            buffer = new byte[length];
        }
        int read = (int)Math.Min(Math.Max(length, UsualLength), FileLength - offset);
        lease.Read(offset, buffer.AsSpan(0, read));
        (start, count) = (offset, read);
    }
}
