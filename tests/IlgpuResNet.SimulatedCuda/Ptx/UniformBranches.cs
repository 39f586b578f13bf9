namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Checks the promise of a guarded <c>bra.uni</c>: the threads of a warp that meet it together go the same way. Together is taken to be the
/// n-th time that each of them meets it.
/// </summary>
internal sealed class UniformBranches
{
    /// <summary>A thread's mistake, in words.</summary>
    public const string Parting = "goes another way than its warp at a branch that says it is uniform";

    private const int WarpSize = 32;

    private readonly Dictionary<(int Warp, int Branch, int Time), bool> taken = [];
    private readonly Dictionary<(int Thread, int Branch), int> times = [];

    public void Check(PtxThread thread, Instruction branch, bool isTaken)
    {
        int time = times[(thread.Index, branch.Index)] = times.GetValueOrDefault((thread.Index, branch.Index)) + 1;
        (int, int, int) key = (thread.Index / WarpSize, branch.Index, time);
        if (!taken.TryAdd(key, isTaken) && taken[key] != isTaken)
            throw thread.Fault(branch, Parting);
    }
}
