using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Loads and stores of a warp. Each lane's access must lie in one region and be aligned to its width.</summary>
internal static unsafe class WarpMemory
{
    /// <summary>The effect of an access to global or shared memory.</summary>
    public static delegate*<Warp, WarpInstruction*, void> Find(in WarpInstruction i) => (i.ElementBytes, i.Count, i.IsStore) switch
    {
        (sizeof(uint), 1, false) => &Access<LoadWord>,
        (sizeof(uint), WarpInstruction.MostElements, false) => &Access<LoadFourWords>,
        (sizeof(uint), 1, true) => &Access<StoreWord>,
        (sizeof(uint), WarpInstruction.MostElements, true) => &Access<StoreFourWords>,
        (_, _, false) => &Access<LoadAny>,
        (_, _, true) => &Access<StoreAny>,
    };

    /// <summary>Loads a parameter of at most 32 bits, which is the same for all lanes.</summary>
    public static void LoadParameter(Warp warp, WarpInstruction* i)
    {
        var value = Vector512.Create((uint)ParameterOf(warp, i));
        WarpVectors.Put(warp, i->Elements[0], value, value);
    }

    /// <summary>Loads a parameter of 64 bits.</summary>
    public static void LoadWideParameter(Warp warp, WarpInstruction* i)
    {
        var value = Vector512.Create(ParameterOf(warp, i));
        for (int part = 0; part < WarpVectors.WideParts; part++) WarpVectors.PutWide(warp, i->Elements[0], part, value);
    }

    /// <summary>Accesses local memory, of which each lane has its own.</summary>
    public static void AccessLocal(Warp warp, WarpInstruction* i)
    {
        for (uint left = warp.Mask; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            AddressSpace space = warp.Cta.Local(warp.FirstThread + lane);
            ulong address = AddressOf(warp, i, lane);
            Region region = RegionOf(space, warp, i, lane);
            if (address % (ulong)i->Bytes != 0) throw Misaligned(space, region, warp, i, lane);
            ulong offset = address - region.Address;
            fixed (byte* data = region.Data)
            {
                if (i->IsStore) StoreAny.Move(warp, i, data + offset, lane);
                else LoadAny.Move(warp, i, data + offset, lane);
            }
        }
    }

    private static ulong ParameterOf(Warp warp, WarpInstruction* i) => warp.Cta.Launch.LoadParameter(
        warp.Cta.NumberOf(warp.FirstThread + BitOperations.TrailingZeroCount(warp.Mask)), warp.Cta.Launch.Program.Code[i->Index]);

    /// <summary>An access, in as many turns as its lanes meet regions.</summary>
    [SkipLocalsInit]
    private static void Access<T>(Warp warp, WarpInstruction* i)
        where T : IWarpMovement
    {
        ref WarpSite site = ref warp.Cta.Site(i);
        ulong* offsets = stackalloc ulong[Warp.Lanes];
        uint left = warp.Mask;
        while (left != 0)
        {
            uint inside = site.Room == 0 ? 0 : Offsets(ref site, warp, i, left, offsets);
            if (inside == 0)
            {
                AddressSpace space = i->IsShared ? warp.Cta.Shared : warp.Cta.Launch.Memory;
                site.Enter(RegionOf(space, warp, i, BitOperations.TrailingZeroCount(left)), i->Bytes, i->IsStore);
                continue;
            }
            if (site.Written != null)
            {
                if (i->IsStore) WarpWrites.Mark(site.Written, i->Bytes, offsets, inside);
                else if (WarpWrites.Missing(site.Written, i->Bytes, offsets, inside) is { } lane)
                    warp.Cta.NoteUnwritten(warp, lane, i, site.Region, offsets[lane]);
            }
            T.Move(warp, i, site.Data, offsets, inside);
            left &= ~inside;
        }
    }

    /// <summary>Finds the lanes whose accesses lie in the site's region, and where in it they lie.</summary>
    private static uint Offsets(ref WarpSite site, Warp warp, WarpInstruction* i, uint lanes, ulong* offsets)
    {
        var bases = (ulong*)(warp.Registers + i->A);
        // The other lanes hold anything; they take the address of the first.
        var first = Vector512.Create(bases[BitOperations.TrailingZeroCount(lanes)]);
        var added = Vector512.Create(i->Offset);
        var low = Vector512.Create(site.Low);
        var room = Vector512.Create(site.Room);
        Vector512<ulong> bits = default;
        uint inside = 0;
        for (int part = 0; part < WarpVectors.WideParts; part++)
        {
            var address = Vector512.Load(bases + part * Vector512<ulong>.Count);
            if (lanes != uint.MaxValue) address = Vector512.ConditionalSelect(WarpVectors.WideMask(lanes, part), address, first);
            address += added;
            Vector512<ulong> offset = address - low, isInside = Vector512.LessThan(offset, room);
            offset.Store(offsets + part * Vector512<ulong>.Count);
            inside |= (uint)isInside.ExtractMostSignificantBits() << part * Vector512<ulong>.Count;
            bits |= address & isInside;
        }
        inside &= lanes;
        if ((bits & Vector512.Create((ulong)i->Bytes - 1)) != default) RequireAlignment(site.Region, warp, i, inside);
        if (!i->IsShared) Note(ref site, offsets, lanes, inside);
        return inside;
    }

    private static void Note(ref WarpSite site, ulong* offsets, uint lanes, uint inside)
    {
        if (inside == lanes)
        {
            for (int part = 0; part < WarpVectors.WideParts; part++) site.Note(Vector512.Load(offsets + part * Vector512<ulong>.Count));
            return;
        }
        for (uint left = inside; left != 0; left &= left - 1)
            site.Note(Vector512.Create(offsets[BitOperations.TrailingZeroCount(left)]));
    }

    private static void RequireAlignment(Region region, Warp warp, WarpInstruction* i, uint lanes)
    {
        for (uint left = lanes; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            if (AddressOf(warp, i, lane) % (ulong)i->Bytes != 0)
                throw Misaligned(i->IsShared ? warp.Cta.Shared : warp.Cta.Launch.Memory, region, warp, i, lane);
        }
    }

    private static ulong AddressOf(Warp warp, WarpInstruction* i, int lane) =>
        unchecked(((ulong*)(warp.Registers + i->A))[lane] + i->Offset);

    private static Region RegionOf(AddressSpace space, Warp warp, WarpInstruction* i, int lane)
    {
        ulong address = AddressOf(warp, i, lane);
        return space.Find(address, i->Bytes)
            ?? throw warp.Fault(lane, i, space.OutOfBoundsText(address, i->Bytes), PtxFault.OutOfBounds).At(address);
    }

    private static PtxException Misaligned(AddressSpace space, Region region, Warp warp, WarpInstruction* i, int lane) =>
        warp.Fault(lane, i, space.MisalignedText(region, AddressOf(warp, i, lane), i->Bytes), PtxFault.Misaligned);
}
