namespace IlgpuResNet.Weights;

/// <summary>
/// Memory that reading one file may allocate: twice the file's length plus 16 MiB. Readers charge an upper estimate before they allocate,
/// so that a few hostile bytes cannot request gigabytes.
/// </summary>
internal sealed class ReadBudget(string source, long fileLength)
{
    private const long Allowance = 16 << 20;

    private long left = 2 * fileLength + Allowance;

    /// <summary>The file's name in messages.</summary>
    public string Source { get; } = source;

    /// <summary>Adds twice the length of a further file that is read with the first.</summary>
    public void Extend(long length) => left += 2 * length;

    /// <summary>Takes bytes from the budget.</summary>
    /// <exception cref="WeightsException">The budget is exhausted.</exception>
    public void Charge(long bytes)
    {
        left -= bytes;
        if (left < 0) throw new WeightsException($"{Source}: refused: reading it takes more memory than a file of its size justifies.");
    }
}
