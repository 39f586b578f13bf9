namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Remembers who touched each cell of a piece of memory. Two accesses of one cell by different threads in one interval, at least
/// one of them a store, are a race, whichever of them comes first in this run.
/// </summary>
/// <remarks>
/// Threads and instructions are numbers, as a reference in each of so many cells would keep the garbage collector busy. Intervals count
/// from 1. Two loads by different threads are enough to remember: a store by any thread conflicts with one of them.
/// </remarks>
internal sealed class RaceDetector(int length, int cellBytes)
{
    private readonly Cell[] cells = new Cell[(length + cellBytes - 1) / cellBytes];

    /// <summary>The conflicting earlier access if there is one.</summary>
    public PtxAccess? Load(int offset, int bytes, PtxAccess access)
    {
        for (int index = offset / cellBytes; index <= (offset + bytes - 1) / cellBytes; index++)
        {
            ref Cell cell = ref cells[index];
            if (cell.Store.ConflictsWith(access)) return cell.Store;
            if (cell.Load.Interval != access.Interval || cell.Load.Thread == access.Thread) cell.Load = access;
            else if (cell.OtherLoad.Interval != access.Interval) cell.OtherLoad = access;
        }
        return null;
    }

    /// <summary>As for a load.</summary>
    public PtxAccess? Store(int offset, int bytes, PtxAccess access)
    {
        for (int index = offset / cellBytes; index <= (offset + bytes - 1) / cellBytes; index++)
        {
            ref Cell cell = ref cells[index];
            if (cell.Store.ConflictsWith(access)) return cell.Store;
            if (cell.Load.ConflictsWith(access)) return cell.Load;
            if (cell.OtherLoad.ConflictsWith(access)) return cell.OtherLoad;
            cell.Store = access;
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

/// <summary>
/// Which thread of the launch touched memory, by which instruction of the program and when; the default is nobody, never.
/// </summary>
internal readonly record struct PtxAccess(int Thread, int Instruction, int Interval)
{
    public bool ConflictsWith(PtxAccess other) => Interval == other.Interval && Thread != other.Thread;
}
