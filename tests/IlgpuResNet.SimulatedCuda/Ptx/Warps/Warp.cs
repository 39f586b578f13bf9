using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// 32 neighbouring threads of a CTA, its lanes, that execute an instruction together as long as they go the same way. Where they part,
/// those that are furthest back go on until they meet the others: the lowest index in the program is executed next.
/// </summary>
internal sealed unsafe class Warp
{
    public const int Lanes = 32;

    /// <summary>Branches that no kernel takes; one that does loops for ever.</summary>
    private const long MostBranches = 100_000_000;

    private readonly WarpInstruction* code;
    private readonly int[] next = new int[Lanes];
    private readonly uint allLanes;
    private long branches;
    private bool hasParted;

    /// <param name="cta">The CTA that it belongs to.</param>
    /// <param name="first">Number of its first thread in the CTA.</param>
    /// <param name="threads">Threads that it has, 32 but for the last warp.</param>
    /// <param name="registers">Its registers, aligned to a vector.</param>
    public Warp(WarpCta cta, int first, int threads, byte* registers)
    {
        Cta = cta;
        FirstThread = first;
        Registers = registers;
        code = cta.Program.Code;
        allLanes = threads == Lanes ? uint.MaxValue : (1u << threads) - 1;
    }

    public WarpCta Cta { get; }

    public int FirstThread { get; }

    public byte* Registers { get; }

    /// <summary>The lanes that execute the present instruction.</summary>
    public uint Mask { get; private set; }

    /// <summary>The lanes that have not exited.</summary>
    public uint Live { get; private set; }

    /// <summary>The lanes that wait at a barrier.</summary>
    public uint Waiting { get; private set; }

    /// <summary>Begins the program anew.</summary>
    public void Start()
    {
        Array.Clear(next);
        Live = allLanes;
        Waiting = 0;
        branches = 0;
        hasParted = false;
    }

    /// <summary>Index of the barrier at which a lane waits.</summary>
    public int BarrierOf(int lane) => next[lane] - 1;

    /// <summary>The lanes that have a thread and have exited.</summary>
    public uint Exited => allLanes & ~Live;

    /// <summary>A lane that does not wait at this barrier, if there is one.</summary>
    public int? StrayFrom(int barrier)
    {
        if (Exited != 0) return BitOperations.TrailingZeroCount(Exited);
        for (uint left = Live; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left);
            if (BarrierOf(lane) != barrier) return lane;
        }
        return null;
    }

    public void PassBarrier() => Waiting = 0;

    /// <summary>Runs until each lane waits or has exited.</summary>
    public void Advance()
    {
        while ((Live & ~Waiting) is not 0 and uint runnable)
        {
            (int at, uint lanes, int others) = Hindmost(runnable);
            RunTogether(at, lanes, others);
        }
    }

    /// <summary>An error of a lane at an instruction.</summary>
    public PtxException Fault(int lane, WarpInstruction* i, string what, PtxFault fault = PtxFault.Undefined) =>
        Cta.Launch.Fault(Cta.NumberOf(FirstThread + lane), Cta.Launch.Program.Code[i->Index], what, fault);

    /// <summary>The lowest index at which lanes stand, these lanes, and where the next ones stand.</summary>
    private (int At, uint Lanes, int Others) Hindmost(uint runnable)
    {
        int at = int.MaxValue, others = int.MaxValue;
        uint lanes = 0;
        for (uint left = runnable; left != 0; left &= left - 1)
        {
            int lane = BitOperations.TrailingZeroCount(left), index = next[lane];
            if (index == at)
            {
                lanes |= 1u << lane;
            }
            else if (index < at)
            {
                (others, at, lanes) = (at, index, 1u << lane);
            }
            else
            {
                others = Math.Min(others, index);
            }
        }
        return (at, lanes, others);
    }

    /// <summary>Runs lanes until they part, wait, exit or reach the others.</summary>
    private void RunTogether(int at, uint lanes, int others)
    {
        while (at < others)
        {
            WarpInstruction* i = code + at;
            uint active = i->Guard == Instruction.NoGuard ? lanes : lanes & Guarded(i);
            switch (i->Control)
            {
                case WarpControl.None:
                    at++;
                    if (active == 0 || i->Run == null) continue;
                    Mask = active;
                    i->Run(this, i);
                    continue;
                case WarpControl.Branch:
                    if (active != lanes && active != 0)
                    {
                        // Lanes that have met again may be in different turns of a loop; only the interpreter can tell.
                        if (i->IsUniformBranch && !hasParted) throw Fault(Lowest(active), i, UniformBranches.Parting);
                        hasParted = true;
                        Place(lanes & ~active, at + 1);
                        Place(active, i->Target);
                        return;
                    }
                    if (++branches > MostBranches)
                        throw Fault(Lowest(lanes), i, $"is branch {branches} of its warp: it seems to loop for ever");
                    at = active == 0 ? at + 1 : i->Target;
                    continue;
                case WarpControl.Exit:
                    Live &= ~active;
                    break;
                default:
                    Waiting |= active;
                    break;
            }
            at++;
            if (active == 0) continue;
            break;
        }
        Place(lanes, at);
    }

    /// <summary>The lanes in which the instruction's guard holds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Guarded(WarpInstruction* i)
    {
        var predicates = (uint*)(Registers + i->Guard);
        uint zeros = (uint)Vector512.Equals(Vector512.Load(predicates), default).ExtractMostSignificantBits()
            | (uint)Vector512.Equals(Vector512.Load(predicates + Vector512<uint>.Count), default).ExtractMostSignificantBits()
            << Vector512<uint>.Count;
        return i->GuardNegated ? zeros : ~zeros;
    }

    private static int Lowest(uint lanes) => BitOperations.TrailingZeroCount(lanes);

    private void Place(uint lanes, int index)
    {
        for (uint left = lanes; left != 0; left &= left - 1) next[BitOperations.TrailingZeroCount(left)] = index;
    }
}
