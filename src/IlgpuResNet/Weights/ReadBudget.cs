namespace IlgpuResNet.Weights;

/// <summary>
/// What reading one file may allocate: twice its length and 16 MB. Readers charge an upper estimate before they allocate,
/// so that a few hostile bytes cannot ask for gigabytes.
/// </summary>
internal sealed class ReadBudget(string source, long fileLength)
{
    private const long Allowance = 16 << 20;

    private long left = 2 * fileLength + Allowance;

    /// <summary>The file, for messages.</summary>
    public string Source { get; } = source;

    /// <summary>Another file that is read along justifies twice its length, too.</summary>
    public void Extend(long length) => left += 2 * length;

    /// <summary>Takes bytes from the budget.</summary>
    /// <exception cref="WeightsException">The budget is spent.</exception>
    public void Charge(long bytes)
    {
        left -= bytes;
        if (left < 0) throw new WeightsException($"{Source}: refused: reading it takes more memory than a file of its size justifies.");
    }
}
