using System.Buffers.Binary;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// A state space (<c>.global</c>, <c>.shared</c>, <c>.local</c>). Every access is checked: it must lie in one region, be aligned to its
/// width and race with no other.
/// </summary>
internal sealed class AddressSpace
{
    private const ulong Gap = 1 << 16;

    private readonly string name;
    private readonly bool mustBeWritten;
    private readonly int cellBytes;
    private readonly List<Region> regions = [];
    private readonly HashSet<Region> reported = [];
    private ulong next;

    private AddressSpace(string name, ulong first, bool mustBeWritten, int cellBytes)
    {
        this.name = name;
        this.mustBeWritten = mustBeWritten;
        this.cellBytes = cellBytes;
        next = first;
    }

    /// <summary>
    /// Device memory of a program's launch. Its race rule knows no barriers: no two threads of a launch may communicate through it.
    /// Elements as narrow as the program's narrowest are told apart, as neighbouring threads may store neighbouring bytes.
    /// </summary>
    public static AddressSpace Global(PtxProgram program) =>
        new("global", first: 1UL << 32, mustBeWritten: false, program.NarrowestGlobalElement);

    /// <summary>A CTA's shared memory: what was never written must not be read.</summary>
    public static AddressSpace Shared() => new("shared", first: 1 << 20, mustBeWritten: true, cellBytes: 4);

    /// <summary>A thread's local memory.</summary>
    public static AddressSpace Local() => new("local", first: 1 << 24, mustBeWritten: true, cellBytes: 1);

    public IReadOnlyList<Region> Regions => regions;

    /// <summary>Hears of the first load in each region of bytes that were never written, where the region keeps track.</summary>
    public Action<string>? UnwrittenRead { get; set; }

    /// <summary>Which accesses can race: those of one interval.</summary>
    public int Interval { get; set; } = 1;

    /// <summary>Adds memory whose address is a multiple of the alignment, and of no higher power of two.</summary>
    public Region Add(string regionName, byte[] data, int alignment)
    {
        Region region = Add(new Region(regionName, next + (ulong)alignment, data, cellBytes));
        next += ((ulong)data.Length + Gap) / Gap * Gap + Gap;
        return region;
    }

    /// <summary>Adds memory that has its address already, above all that was added before.</summary>
    public Region Add(Region region)
    {
        regions.Add(region);
        return region;
    }

    public void Load(PtxThread thread, Instruction i)
    {
        (Region region, int offset, int bytes) = Access(thread, i);
        if (mustBeWritten && !region.Accesses.IsWritten(offset, bytes))
            throw thread.Fault(i, UnwrittenText(region, offset, bytes));
        if (region.IsWritten is { } written && written.AsSpan(offset, bytes).Contains(false))
            ReportUnwritten(region, () => thread.Fault(i, UnwrittenText(region, offset, bytes)).Message);
        region.MarkLoaded(offset, bytes);
        if (region.Accesses.Load(offset, bytes, new PtxAccess(thread.Number, i.Index, Interval)) is { } other)
            throw Race(thread, i, region, offset, other);
        foreach (int element in i.Elements)
        {
            thread.Registers[element] = Read(region.Data.AsSpan(offset), i);
            offset += i.ElementBytes;
        }
    }

    public void Store(PtxThread thread, Instruction i)
    {
        (Region region, int offset, int bytes) = Access(thread, i);
        region.MarkStored(offset, bytes);
        if (region.Accesses.Store(offset, bytes, new PtxAccess(thread.Number, i.Index, Interval)) is { } other)
            throw Race(thread, i, region, offset, other);
        foreach (int element in i.Elements)
        {
            Write(region.Data.AsSpan(offset), i, thread.Registers[element]);
            offset += i.ElementBytes;
        }
    }

    /// <summary>The little-endian value of one element.</summary>
    public static ulong Read(ReadOnlySpan<byte> source, Instruction i) => (i.ElementBytes, i.IsSigned) switch
    {
        (1, false) => source[0],
        (1, true) => (uint)(sbyte)source[0],
        (2, false) => BinaryPrimitives.ReadUInt16LittleEndian(source),
        (2, true) => (uint)BinaryPrimitives.ReadInt16LittleEndian(source),
        (4, _) => BinaryPrimitives.ReadUInt32LittleEndian(source),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(source),
    };

    private static void Write(Span<byte> target, Instruction i, ulong value)
    {
        switch (i.ElementBytes)
        {
            case 1: target[0] = (byte)value; break;
            case 2: BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)value); break;
            case 4: BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)value); break;
            default: BinaryPrimitives.WriteUInt64LittleEndian(target, value); break;
        }
    }

    private (Region Region, int Offset, int Bytes) Access(PtxThread thread, Instruction i)
    {
        ulong address = unchecked(thread.Registers[i.A] + (ulong)i.Offset);
        int bytes = i.ElementBytes * i.Elements.Length;
        if (Find(address, bytes) is not { } region)
            throw thread.Fault(i, OutOfBoundsText(address, bytes), PtxFault.OutOfBounds).At(address);
        if (address % (ulong)bytes != 0)
            throw thread.Fault(i, MisalignedText(region, address, bytes), PtxFault.Misaligned);
        return (region, (int)(address - region.Address), bytes);
    }

    /// <summary>The region that an access lies in; null where it lies in none.</summary>
    public Region? Find(ulong address, int bytes)
    {
        int low = 0, high = regions.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (regions[middle].Address <= address) low = middle + 1;
            else high = middle - 1;
        }
        return high >= 0 && regions[high].Contains(address, bytes) ? regions[high] : null;
    }

    /// <summary>Tells <see cref="UnwrittenRead"/> of a load of bytes that were never written, unless it has heard of this region.</summary>
    public void ReportUnwritten(Region region, Func<string> message)
    {
        if (UnwrittenRead is { } report && reported.Add(region)) report(message());
    }

    public string OutOfBoundsText(ulong address, int bytes) =>
        $"is out of bounds: {bytes} bytes at {name} address 0x{address:X}{Nearest(address)}";

    public string MisalignedText(Region region, ulong address, int bytes) =>
        $"is misaligned: {bytes} bytes at {name} address 0x{address:X}, {region.Name} + {address - region.Address}";

    public static string UnwrittenText(Region region, int offset, int bytes) =>
        $"reads {bytes} bytes at {region.Name} + {offset} that nobody wrote";

    /// <summary>Says which region an address missed.</summary>
    private string Nearest(ulong address)
    {
        Region? nearest = regions.MinBy(region =>
            Math.Min(Distance(address, region.Address), Distance(address, region.Address + (ulong)region.Data.Length)));
        return nearest is null ? ""
            : $", byte {unchecked((long)(address - nearest.Address))} of the {nearest.Data.Length} of {nearest.Name}";
    }

    private static ulong Distance(ulong a, ulong b) => a > b ? a - b : b - a;

    private static PtxException Race(PtxThread thread, Instruction i, Region region, int offset, PtxAccess other) =>
        thread.Fault(
            i,
            $"races at {region.Name} + {offset} with {thread.Cta.Launch.Describe(other.Thread)}, "
            + $"{thread.Cta.Program.Code[other.Instruction]}");
}
