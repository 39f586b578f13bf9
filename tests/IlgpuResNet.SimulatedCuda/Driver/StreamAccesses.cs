namespace IlgpuResNet.SimulatedCuda;

/// <summary>Which operations have touched which bytes of an allocation.</summary>
internal sealed class StreamAccesses
{
    /// <summary>Older accesses are forgotten: races are between neighbours in time.</summary>
    private const int Most = 256;

    private readonly List<Access> accesses = [];

    private sealed record Access(Operation By, ulong First, ulong End, bool IsWrite);

    /// <summary>Adds an access and returns the operations of other streams that race with it: nothing says which comes first.</summary>
    public IReadOnlyList<Operation> Add(Operation by, ulong first, ulong end, bool isWrite)
    {
        Operation[] racing = [.. accesses
            .Where(other => other.By.Stream != by.Stream && (other.IsWrite || isWrite) && other.First < end && first < other.End)
            .Select(other => other.By)
            .Where(other => !by.Clock.Covers(other.Stream, other.Number) && !other.Clock.Covers(by.Stream, by.Number))];
        accesses.RemoveAll(other => other.By.Stream == by.Stream && other.IsWrite == isWrite && other.First >= first && other.End <= end);
        accesses.Add(new Access(by, first, end, isWrite));
        if (accesses.Count > Most) accesses.RemoveAt(0);
        return racing;
    }
}
