namespace IlgpuResNet.Tests.Ptx;

/// <summary>What an instruction does that touches its own thread's registers only.</summary>
internal delegate void Computation(ulong[] r, Instruction i);

/// <summary>What any other instruction does: memory, branches, barriers.</summary>
internal delegate void Effect(PtxThread thread, Instruction i);

/// <summary>One instruction with its operands resolved to register slots. Exactly one of <see cref="Compute"/> and <see cref="Act"/> is set.</summary>
internal sealed class Instruction
{
    /// <summary>The guard of an instruction without <c>@%p</c>.</summary>
    public const int NoGuard = -1;

    /// <summary>Opcode with all modifiers, such as <c>ld.shared.v4.f32</c>.</summary>
    public required string Opcode { get; init; }

    /// <summary>The source line.</summary>
    public required string Text { get; init; }

    /// <summary>Its number, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>Slot of the guarding predicate, or <see cref="NoGuard"/>.</summary>
    public int Guard { get; init; } = NoGuard;

    /// <summary>True for <c>@!%p</c>.</summary>
    public bool GuardNegated { get; init; }

    /// <summary>Slot of the destination.</summary>
    public int D { get; set; }

    /// <summary>Slot of the first source, or of the address.</summary>
    public int A { get; set; }

    /// <summary>Slot of the second source.</summary>
    public int B { get; set; }

    /// <summary>Slot of the third source.</summary>
    public int C { get; set; }

    /// <summary>Slots that a load fills or a store reads.</summary>
    public int[] Elements { get; set; } = [];

    /// <summary>Bytes of one of them.</summary>
    public int ElementBytes { get; set; }

    /// <summary>True when a load extends the sign.</summary>
    public bool IsSigned { get; set; }

    /// <summary>Added to the address.</summary>
    public long Offset { get; set; }

    /// <summary>Parameter that <c>ld.param</c> reads.</summary>
    public int Parameter { get; set; }

    /// <summary>Index of the instruction that a branch leads to.</summary>
    public int Target { get; set; }

    /// <summary>Set for what stays in the registers.</summary>
    public Computation? Compute { get; set; }

    /// <summary>Set for everything else.</summary>
    public Effect? Act { get; set; }

    /// <summary>A conditional branch that promises that a warp takes it as one.</summary>
    public bool IsUniformBranch => Opcode == "bra.uni" && Guard != NoGuard;

    public override string ToString() => $"line {Line}: {Text}";
}
