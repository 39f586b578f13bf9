using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// The region that an instruction last accessed, which is nearly always the one that it accesses next, and the extent of its accesses in
/// it.
/// </summary>
internal unsafe struct WarpSite
{
    private Region? region;
    private Vector512<ulong> first, last;

    public readonly Region Region => region!;

    /// <summary>Address of the region.</summary>
    public ulong Low { get; private set; }

    /// <summary>One more than the largest offset at which an access lies in the region; 0 where there is none.</summary>
    public ulong Room { get; private set; }

    public byte* Data { get; private set; }

    /// <summary>A byte for each of the region's, 1 where it was written; null where nobody keeps track.</summary>
    public byte* Written { get; private set; }

    /// <summary>Turns to another region. Its arrays must not move as long as the site is used.</summary>
    public void Enter(Region entered, int bytes, bool isStore)
    {
        Leave(bytes, isStore);
        region = entered;
        Low = entered.Address;
        Room = (ulong)(entered.Data.Length - bytes + 1);
        Data = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(entered.Data));
        Written = entered.IsWritten is null ? null : (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(entered.IsWritten));
        first = Vector512<ulong>.AllBitsSet;
        last = default;
    }

    /// <summary>Notes the offsets of accesses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Note(Vector512<ulong> offsets)
    {
        first = Vector512.Min(first, offsets);
        last = Vector512.Max(last, offsets);
    }

    /// <summary>Tells the region which of its bytes were accessed.</summary>
    public readonly void Leave(int bytes, bool isStore)
    {
        if (region is null) return;
        ulong start = ulong.MaxValue, end = 0;
        for (int i = 0; i < Vector512<ulong>.Count; i++)
        {
            start = Math.Min(start, first[i]);
            end = Math.Max(end, last[i]);
        }
        if (start == ulong.MaxValue) return;
        lock (region) region.Include(Low + start, (int)(end - start) + bytes, isStore);
    }
}
