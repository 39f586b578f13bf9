using System.Numerics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Room for a CTA, in which one processor runs one CTA of a launch after the other. Registers keep what was left in them before:
/// a read of one that was never written is a matter for the interpreter.
/// </summary>
internal sealed unsafe class WarpCta
{
    private readonly WarpRegisterFile registers;
    private readonly Warp[] warps;
    private readonly WarpSite[] sites;
    private readonly AddressSpace[] locals = [];
    private int index;

    public WarpCta(PtxLaunch launch)
    {
        Launch = launch;
        Program = launch.Program.Warps;
        Shared = AddressSpace.Shared();
        ulong[] arrays = [.. launch.Program.Shared.Select(array => AddArray(Shared, array).Address)];
        if (launch.Program.Local.Count > 0) locals = [.. Enumerable.Range(0, launch.Block.Count).Select(_ => AddressSpace.Local())];
        sites = new WarpSite[Program.Sites];
        warps = new Warp[(launch.Block.Count + Warp.Lanes - 1) / Warp.Lanes];
        registers = Program.Rent(warps.Length);
        for (int w = 0; w < warps.Length; w++)
        {
            int first = w * Warp.Lanes;
            warps[w] = new Warp(this, first, Math.Min(Warp.Lanes, launch.Block.Count - first), registers.Of(w));
            Prepare(warps[w], arrays);
        }
    }

    public PtxLaunch Launch { get; }

    public WarpProgram Program { get; }

    public AddressSpace Shared { get; }

    /// <summary>Slots for instructions that are computed lane by lane.</summary>
    public ulong[] Slots { get; } = new ulong[4];

    /// <summary>Per region the first load here of bytes that were never written.</summary>
    public Dictionary<Region, (int Cta, string Text)> Unwritten { get; } = [];

    /// <summary>The region that a memory instruction last accessed.</summary>
    public ref WarpSite Site(WarpInstruction* i) => ref sites[i->Site];

    /// <summary>The local memory of a thread of the CTA.</summary>
    public AddressSpace Local(int thread) => locals[thread];

    /// <summary>Number in the launch of a thread of the CTA.</summary>
    public int NumberOf(int thread) => index * Launch.Block.Count + thread;

    /// <summary>Runs a CTA to its end, from barrier to barrier.</summary>
    public void Run(int cta)
    {
        index = cta;
        foreach (Region array in Shared.Regions) array.Data.AsSpan().Fill(byte.MaxValue);
        foreach (Warp warp in warps)
        {
            warp.Start();
            foreach ((int place, string name) in Program.Registers.OfCta) Words(warp, place).Fill(Launch.Special(name, cta, 0));
        }
        while (true)
        {
            foreach (Warp warp in warps) warp.Advance();
            if (warps.All(warp => warp.Live == 0)) return;
            PassBarrier();
        }
    }

    /// <summary>Tells the regions which of their bytes were accessed, and gives the registers back.</summary>
    public void Finish()
    {
        Program.Return(registers);
        for (int n = 0; n < Launch.Program.Code.Length; n++)
        {
            WarpInstruction* i = Program.Code + n;
            if (i->IsGlobal) Site(i).Leave(i->Bytes, i->IsStore);
        }
    }

    /// <summary>Notes a load of bytes that were never written.</summary>
    public void NoteUnwritten(Warp warp, int lane, WarpInstruction* i, Region region, ulong offset)
    {
        if (!Unwritten.ContainsKey(region))
            Unwritten.Add(region, (index, warp.Fault(lane, i, AddressSpace.UnwrittenText(region, (int)offset, i->Bytes)).Message));
    }

    private static Span<uint> Words(Warp warp, int place) => new(warp.Registers + place, Warp.Lanes);

    private static Span<ulong> WideWords(Warp warp, int place) => new(warp.Registers + place, Warp.Lanes);

    private static Region AddArray(AddressSpace space, PtxArray array) =>
        space.Add(array.Name, GC.AllocateArray<byte>(array.Length, pinned: true), array.Alignment);

    /// <summary>Fills what is the same for all CTAs of the launch.</summary>
    private void Prepare(Warp warp, ulong[] sharedArrays)
    {
        WarpRegisters places = Program.Registers;
        foreach ((int place, string name) in places.OfThread)
            for (int lane = 0; lane < Warp.Lanes; lane++) Words(warp, place)[lane] = Launch.Special(name, 0, warp.FirstThread + lane);
        for (int a = 0; a < sharedArrays.Length; a++) WideWords(warp, places.SharedArrays[a]).Fill(sharedArrays[a]);
        for (int a = 0; a < places.LocalArrays.Count; a++)
            for (int lane = 0; lane < Warp.Lanes && warp.FirstThread + lane < locals.Length; lane++)
                WideWords(warp, places.LocalArrays[a])[lane] = AddArray(locals[warp.FirstThread + lane], Launch.Program.Local[a]).Address;
    }

    /// <summary>Lets the warps go on, once all threads wait at one barrier.</summary>
    private void PassBarrier()
    {
        Warp first = warps.First(warp => warp.Waiting != 0);
        int waiting = BitOperations.TrailingZeroCount(first.Waiting);
        int barrier = first.BarrierOf(waiting);
        foreach (Warp warp in warps)
        {
            if (warp.StrayFrom(barrier) is { } lane)
            {
                string what = (warp.Exited >> lane & 1) != 0 ? "has exited" : $"waits at {Launch.Program.Code[warp.BarrierOf(lane)]}";
                throw first.Fault(
                    waiting, Program.Code + barrier, $"waits for ever: {Launch.Describe(NumberOf(warp.FirstThread + lane))} {what}");
            }
            warp.PassBarrier();
        }
    }
}
