using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>A program translated for whole warps.</summary>
internal sealed unsafe class WarpProgram
{
    private readonly WarpInstruction[] code;
    private readonly Instruction?[] lanewise;
    private readonly OperandWidths[] widthsOf;
    private readonly ConcurrentBag<WarpRegisterFile> files = [];

    public WarpProgram(PtxProgram program)
    {
        Program = program;
        Registers = new WarpRegisters(program);
        code = GC.AllocateArray<WarpInstruction>(program.Code.Length, pinned: true);
        lanewise = new Instruction?[code.Length];
        widthsOf = new OperandWidths[code.Length];
        for (int n = 0; n < code.Length; n++) Translate(program.Code[n], ref code[n]);
    }

    public PtxProgram Program { get; }

    public WarpRegisters Registers { get; }

    /// <summary>How many instructions access global or shared memory.</summary>
    public int Sites { get; private set; }

    /// <summary>The first instruction.</summary>
    public WarpInstruction* Code => (WarpInstruction*)Unsafe.AsPointer(ref code[0]);

    /// <summary>An instruction of the interpreter that computes with the slots 0 to 3, for what has no vector form.</summary>
    public Instruction Lanewise(int index) => lanewise[index]!;

    /// <summary>The widths of its operands.</summary>
    public OperandWidths WidthsOf(int index) => widthsOf[index];

    /// <summary>Registers for so many warps, whose constants are filled in. They come back with <see cref="Return"/>.</summary>
    public WarpRegisterFile Rent(int warps) =>
        files.TryTake(out WarpRegisterFile? file) && file.Warps == warps ? file : new WarpRegisterFile(Registers, warps);

    public void Return(WarpRegisterFile file) => files.Add(file);

    private void Translate(Instruction i, ref WarpInstruction w)
    {
        w.Index = i.Index;
        w.Guard = i.IsGuarded ? Registers.Place(i.Guard, isWide: false) : Instruction.NoGuard;
        w.GuardNegated = i.GuardNegated;
        w.IsUniformBranch = i.IsUniformBranch;
        if (i.Compute is not null)
        {
            TranslateComputation(i, ref w);
            return;
        }
        switch (i.Opcode)
        {
            case "bra" or "bra.uni":
                (w.Control, w.Target) = (WarpControl.Branch, i.Target);
                break;
            case "ret" or "exit":
                w.Control = WarpControl.Exit;
                break;
            case "bar.sync":
                w.Control = WarpControl.Barrier;
                break;
            case "membar.cta" or "membar.gl":
                break;
            default:
                TranslateAccess(i, ref w);
                break;
        }
    }

    private void TranslateComputation(Instruction i, ref WarpInstruction w)
    {
        OperandWidths widths = widthsOf[i.Index] = OperandWidths.Of(i.Opcode);
        w.D = Registers.Place(i.D, widths.D);
        w.A = Registers.Place(i.Reads[0], widths.A);
        if (i.Reads.Length > 1) w.B = Registers.Place(i.Reads[1], widths.B);
        if (i.Reads.Length > 2) w.C = Registers.Place(i.Reads[2], widths.C);
        w.Run = WarpArithmetic.Find(i.Opcode);
        if (w.Run is null) w.Run = &WarpArithmetic.LaneByLane;
        w.Count = i.Reads.Length;
        lanewise[i.Index] = new Instruction
        {
            Opcode = i.Opcode,
            Text = i.Text,
            Line = i.Line,
            Index = i.Index,
            Compute = i.Compute,
            D = 0,
            A = 1,
            B = 2,
            C = 3,
        };
    }

    private void TranslateAccess(Instruction i, ref WarpInstruction w)
    {
        string[] parts = i.Opcode.Split('.');
        bool isWide = i.ElementBytes == sizeof(ulong);
        (w.Count, w.ElementBytes, w.IsSigned) = (i.Elements.Length, i.ElementBytes, i.IsSigned);
        w.IsStore = parts[0] == "st";
        w.Offset = unchecked((ulong)i.Offset);
        for (int e = 0; e < i.Elements.Length; e++) w.Elements[e] = Registers.Place(i.Elements[e], isWide);
        if (parts[1] == "param")
        {
            w.Run = isWide ? &WarpMemory.LoadWideParameter : &WarpMemory.LoadParameter;
            return;
        }
        w.A = Registers.Place(i.A, isWide: true);
        if (parts[1] == "local")
        {
            w.Run = &WarpMemory.AccessLocal;
            return;
        }
        (w.IsShared, w.IsGlobal) = (parts[1] == "shared", parts[1] == "global");
        w.Run = WarpMemory.Find(w);
        w.Site = Sites++;
    }
}
