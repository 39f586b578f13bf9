namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Effects on the order of execution.</summary>
internal enum WarpControl : byte
{
    None,
    Branch,
    Exit,
    Barrier,
}

/// <summary>
/// An instruction for the 32 lanes of a warp. Its operands are offsets, in bytes, into the warp's registers: 32 values of 4 or of 8 bytes
/// each. It is never changed after it was translated: all processors execute the same ones.
/// </summary>
internal unsafe struct WarpInstruction
{
    /// <summary>The most elements of a vector access.</summary>
    public const int MostElements = 4;

    /// <summary>Its effect on registers and memory; null where it has none.</summary>
    public delegate*<Warp, WarpInstruction*, void> Run;

    public WarpControl Control;

    /// <summary>Offset of the guarding predicate, or <see cref="Instruction.NoGuard"/>.</summary>
    public int Guard;

    public bool GuardNegated;

    /// <summary>A conditional branch that promises that a warp takes it as one.</summary>
    public bool IsUniformBranch;

    /// <summary>Offset of the destination.</summary>
    public int D;

    /// <summary>Offset of the first source, or of the addresses.</summary>
    public int A;

    /// <summary>Offset of the second source.</summary>
    public int B;

    /// <summary>Offset of the third source.</summary>
    public int C;

    /// <summary>Index of the instruction that a branch leads to.</summary>
    public int Target;

    /// <summary>Its index in the program.</summary>
    public int Index;

    /// <summary>Added to the addresses.</summary>
    public ulong Offset;

    /// <summary>Offsets of what a load fills or a store reads.</summary>
    public fixed int Elements[MostElements];

    /// <summary>How many of them there are.</summary>
    public int Count;

    /// <summary>Bytes of one of them in memory.</summary>
    public int ElementBytes;

    /// <summary>True when a load extends the sign.</summary>
    public bool IsSigned;

    public bool IsStore;

    /// <summary>True of an access to global memory.</summary>
    public bool IsGlobal;

    /// <summary>True of an access to shared memory.</summary>
    public bool IsShared;

    /// <summary>Number of the access among the program's accesses to global and shared memory.</summary>
    public int Site;

    /// <summary>Bytes of the access of one lane.</summary>
    public readonly int Bytes => Count * ElementBytes;
}
