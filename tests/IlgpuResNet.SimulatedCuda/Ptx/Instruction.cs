namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Effect of an instruction that touches only its own thread's registers.</summary>
internal delegate void Computation(ulong[] r, Instruction i);

/// <summary>Effect of any other instruction: memory, branches, barriers.</summary>
internal delegate void Effect(PtxThread thread, Instruction i);

/// <summary>
/// One instruction with its operands resolved to register slots. Exactly one of <see cref="Compute"/> and <see cref="Act"/> is set.
/// </summary>
internal sealed class Instruction
{
    /// <summary>The guard of an instruction without <c>@%p</c>.</summary>
    public const int NoGuard = -1;

    /// <summary>Opcode with all modifiers, such as <c>ld.shared.v4.f32</c>.</summary>
    public required string Opcode { get; set; }

    /// <summary>The source line.</summary>
    public required string Text { get; init; }

    /// <summary>Its number, from 1.</summary>
    public required int Line { get; init; }

    /// <summary>Its place in the program.</summary>
    public int Index { get; set; }

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

    /// <summary>All slots that it reads.</summary>
    public int[] Reads { get; set; } = [];

    /// <summary>All slots that it may write.</summary>
    public int[] Writes { get; set; } = [];

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
    public bool IsUniformBranch => IsGuarded && Opcode == "bra.uni";

    /// <summary>True once a thread has executed it, in any launch.</summary>
    public bool IsExecuted { get; set; }

    public bool IsGuarded => Guard != NoGuard;

    /// <summary>True where the next instruction need not be the one below.</summary>
    public bool EndsBlock => Opcode is "bra" or "bra.uni" or "ret" or "exit";

    /// <summary>Turns this sum into one with a product that it reads, rounded once.</summary>
    public void Merge(Instruction product)
    {
        int addend = A == product.D ? B : A;
        (A, B, C) = (product.A, product.B, addend);
        Reads = [A, B, C];
        Opcode = "fma.rn.f32";
        Arithmetic.TryFind(Opcode, out _, out Computation? compute);
        Compute = compute;
    }

    public override string ToString() => $"line {Line}: {Text}";
}
