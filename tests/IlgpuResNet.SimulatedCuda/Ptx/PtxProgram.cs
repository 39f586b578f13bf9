namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>A <c>.param</c> of the entry: bytes that the launch fills in.</summary>
internal sealed record PtxParameter(string Name, int Alignment, int Length);

/// <summary>A <c>.shared</c> or <c>.local</c> array, and the slot that holds its address.</summary>
internal sealed record PtxArray(string Name, int Alignment, int Length, int Slot);

/// <summary>
/// One <c>.entry</c>, parsed. Registers, constants and special registers lie in one array of 64-bit slots per thread, so that an
/// operand is always a slot: <see cref="Slots"/> holds what they start with, a poison for registers.
/// </summary>
internal sealed class PtxProgram
{
    /// <summary>Content of a register before its first write: as an address outside everything, as a float a NaN.</summary>
    public const ulong Poison = 0x7FC5_1ABE_7FC5_1ABE;

    private WarpProgram? warps;
    private int narrowest;

    /// <summary>Name of the entry.</summary>
    public required string Name { get; init; }

    /// <summary>In order of declaration.</summary>
    public required IReadOnlyList<PtxParameter> Parameters { get; init; }

    /// <summary>Shared arrays, one set per CTA.</summary>
    public required IReadOnlyList<PtxArray> Shared { get; init; }

    /// <summary>Local arrays, one set per thread.</summary>
    public required IReadOnlyList<PtxArray> Local { get; init; }

    /// <summary>Slots of special registers such as <c>%tid.x</c>.</summary>
    public required IReadOnlyDictionary<string, int> SpecialRegisters { get; init; }

    /// <summary>Initial values of all slots.</summary>
    public required ulong[] Slots { get; init; }

    /// <summary>The instructions; branch targets are indexes into it.</summary>
    public required Instruction[] Code { get; init; }

    /// <summary>Bytes of the narrowest element that it loads from or stores to global memory.</summary>
    public int NarrowestGlobalElement => narrowest != 0 ? narrowest
        : narrowest = Code.Where(i => i.Opcode.Contains(".global.", StringComparison.Ordinal) && i.ElementBytes > 0)
            .Select(i => i.ElementBytes).DefaultIfEmpty(1).Min();

    /// <summary>Bytes of its shared arrays.</summary>
    public int SharedBytes => Shared.Sum(array => array.Length);

    /// <summary>The program for whole warps, translated at its first use.</summary>
    public WarpProgram Warps => warps ??= new WarpProgram(this);

    /// <summary>Most threads of a CTA (<c>.maxntid</c>).</summary>
    public required int MaxThreads { get; init; }
}
