namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// Remembers who touched each cell of a piece of memory. Two accesses of one cell by different threads in one interval, at least
/// one of them a store, are a race, whichever of them comes first in this run.
/// </summary>
/// <remarks>Intervals count from 1. Two loads by different threads are enough to remember: a store by any thread conflicts with one of them.</remarks>
internal sealed class RaceDetector(int length, int cellBytes)
{
    private readonly Cell[] cells = new Cell[(length + cellBytes - 1) / cellBytes];

    /// <summary>The conflicting earlier access if there is one.</summary>
    public PtxAccess? Load(int offset, int bytes, PtxThread thread, Instruction instruction, int interval)
    {
        for (int index = offset / cellBytes; index <= (offset + bytes - 1) / cellBytes; index++)
        {
            ref Cell cell = ref cells[index];
            if (cell.Store.ConflictsWith(thread, interval)) return cell.Store;
            if (cell.Load.Interval != interval || cell.Load.Thread == thread) cell.Load = new PtxAccess(thread, instruction, interval);
            else if (cell.OtherLoad.Interval != interval) cell.OtherLoad = new PtxAccess(thread, instruction, interval);
        }
        return null;
    }

    /// <summary>As for a load.</summary>
    public PtxAccess? Store(int offset, int bytes, PtxThread thread, Instruction instruction, int interval)
    {
        for (int index = offset / cellBytes; index <= (offset + bytes - 1) / cellBytes; index++)
        {
            ref Cell cell = ref cells[index];
            if (cell.Store.ConflictsWith(thread, interval)) return cell.Store;
            if (cell.Load.ConflictsWith(thread, interval)) return cell.Load;
            if (cell.OtherLoad.ConflictsWith(thread, interval)) return cell.OtherLoad;
            cell.Store = new PtxAccess(thread, instruction, interval);
        }
        return null;
    }

    /// <summary>True when every cell was stored to at some time.</summary>
    public bool IsWritten(int offset, int bytes)
    {
        for (int index = offset / cellBytes; index <= (offset + bytes - 1) / cellBytes; index++)
            if (cells[index].Store.Interval == 0)
                return false;
        return true;
    }

    private struct Cell
    {
        public PtxAccess Store;
        public PtxAccess Load;
        public PtxAccess OtherLoad;
    }
}

/// <summary>Who touched memory, by which instruction and when; the default is nobody, never.</summary>
internal readonly record struct PtxAccess(PtxThread Thread, Instruction Instruction, int Interval)
{
    public bool ConflictsWith(PtxThread thread, int interval) => Interval == interval && Thread != thread;
}
