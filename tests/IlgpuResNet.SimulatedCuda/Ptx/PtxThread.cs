namespace IlgpuResNet.SimulatedCuda.Ptx;

internal enum ThreadState
{
    Running,
    AtBarrier,
    Exited,
}

/// <summary>One thread of a CTA: its registers and where it stands.</summary>
internal sealed class PtxThread
{
    /// <summary>No kernel on a small shape needs as many; one that does loops for ever.</summary>
    private const long MostInstructions = 10_000_000;

    private readonly Instruction[] code;
    private int next;
    private long executed;

    public PtxThread(Cta cta, int index, ulong[] registers)
    {
        Cta = cta;
        Index = index;
        Registers = registers;
        code = cta.Program.Code;
        Number = cta.Index * cta.Launch.Block.Count + index;
        Local = AddressSpace.Local();
        cta.Program.Slots.CopyTo(registers, 0);
        cta.Launch.SetSpecialRegisters(registers, cta.Index, index);
        foreach (PtxArray array in cta.Program.Local)
            registers[array.Slot] = Local.Add(array.Name, new byte[array.Length], array.Alignment).Address;
    }

    public Cta Cta { get; }

    /// <summary>Number within the CTA; 32 neighbours are a warp.</summary>
    public int Index { get; }

    /// <summary>Number within the launch.</summary>
    public int Number { get; }

    public ulong[] Registers { get; }

    public AddressSpace Local { get; }

    public ThreadState State { get; set; }

    /// <summary>The barrier at which the thread waits.</summary>
    public Instruction? Barrier { get; private set; }

    /// <summary>
    /// Goes on for so many accesses to memory, branches and the like; stops early at a barrier and at the end. What happens in registers
    /// alone is not counted: no other thread can tell when it happens.
    /// </summary>
    public void Run(long mostEffects = long.MaxValue)
    {
        ulong[] r = Registers;
        while (mostEffects > 0 && State is ThreadState.Running)
        {
            Instruction i = code[next++];
            if (i.IsGuarded)
            {
                bool holds = (r[i.Guard] != 0) != i.GuardNegated;
                if (i.IsUniformBranch) Cta.UniformBranches.Check(this, i, holds);
                if (!holds) continue;
            }
            i.IsExecuted = true;
            if (i.Compute is { } compute)
            {
                compute(r, i);
            }
            else
            {
                i.Act!(this, i);
                mostEffects--;
            }
            if (++executed > MostInstructions)
                throw Fault(i, $"is instruction {MostInstructions} of its thread: it seems to loop for ever");
        }
    }

    public void Branch(Instruction i) => next = i.Target;

    public void Exit() => State = ThreadState.Exited;

    public void Wait(Instruction barrier)
    {
        Barrier = barrier;
        State = ThreadState.AtBarrier;
    }

    /// <summary>An error of this thread at an instruction.</summary>
    public PtxException Fault(Instruction i, string what, PtxFault fault = PtxFault.Undefined) =>
        Cta.Launch.Fault(Number, i, what, fault);

    public override string ToString() => Cta.Launch.Describe(Number);
}
