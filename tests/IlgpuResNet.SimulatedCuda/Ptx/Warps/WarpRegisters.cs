namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Gives each slot of a program its place among a warp's registers. A constant has one for each width in which it is read; a register has
/// one width.
/// </summary>
internal sealed class WarpRegisters
{
    private const int WordBytes = Warp.Lanes * sizeof(uint), WideBytes = Warp.Lanes * sizeof(ulong);

    private readonly PtxProgram program;
    private readonly HashSet<int> written;
    private readonly Dictionary<int, string> specialOf;
    private readonly Dictionary<(int Slot, bool IsWide), int> places = [];
    private readonly List<(int Place, bool IsWide, ulong Value)> constants = [];
    private readonly List<(int Place, string Name)> ofThread = [], ofCta = [];

    public WarpRegisters(PtxProgram program)
    {
        this.program = program;
        written = [.. program.Code.SelectMany(i => i.Writes)];
        specialOf = program.SpecialRegisters.ToDictionary(pair => pair.Value, pair => pair.Key);
        SharedArrays = [.. program.Shared.Select(array => Place(array.Slot, isWide: true))];
        LocalArrays = [.. program.Local.Select(array => Place(array.Slot, isWide: true))];
    }

    /// <summary>Bytes of a warp's registers.</summary>
    public int Bytes { get; private set; }

    /// <summary>Places that hold one value for ever.</summary>
    public IReadOnlyList<(int Place, bool IsWide, ulong Value)> Constants => constants;

    /// <summary>Places of the special registers of 32 bits that are the same in all CTAs.</summary>
    public IReadOnlyList<(int Place, string Name)> OfThread => ofThread;

    /// <summary>Places of those that are the same in all threads of a CTA.</summary>
    public IReadOnlyList<(int Place, string Name)> OfCta => ofCta;

    /// <summary>Places of the addresses of <see cref="PtxProgram.Shared"/>.</summary>
    public IReadOnlyList<int> SharedArrays { get; }

    /// <summary>Places of the addresses of <see cref="PtxProgram.Local"/>.</summary>
    public IReadOnlyList<int> LocalArrays { get; }

    /// <summary>The place of a slot that is used with a width.</summary>
    public int Place(int slot, bool isWide)
    {
        if (places.TryGetValue((slot, isWide), out int place)) return place;
        place = Bytes;
        Bytes += isWide ? WideBytes : WordBytes;
        bool hasOneWidth = true;
        if (specialOf.TryGetValue(slot, out string? name))
            (name.StartsWith("%ctaid", StringComparison.Ordinal) ? ofCta : ofThread).Add((place, name));
        else if (!written.Contains(slot) && !IsArray(slot))
        {
            constants.Add((place, isWide, program.Slots[slot]));
            hasOneWidth = false;
        }
        if (hasOneWidth && (places.ContainsKey((slot, !isWide)) || name is not null && isWide))
            throw new PtxException($"{program.Name}: a register is used with 32 and with 64 bits, which is not known here");
        places.Add((slot, isWide), place);
        return place;
    }

    private bool IsArray(int slot) => program.Shared.Concat(program.Local).Any(array => array.Slot == slot);
}
