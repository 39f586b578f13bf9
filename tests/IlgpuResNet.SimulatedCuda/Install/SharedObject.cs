using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// Writes an ELF shared object without a compiler: each function that it exports jumps through a slot of a table, which it exports, too,
/// and which managed code fills with addresses of its own. Layout as in the System V ABI and its supplements for x86-64 and AArch64.
/// </summary>
internal sealed class SharedObject
{
    /// <summary>Name of the exported table of addresses, one per function, in order.</summary>
    public const string Table = "simulated_cuda_table";

    private const string SoName = "libcuda.so.1";
    private const int HeaderBytes = 64, SegmentBytes = 56, SymbolBytes = 24, DynamicBytes = 16, SlotBytes = 8;
    private const int PageBytes = 4096, TextAlignment = 64;

    /// <summary>e_type and e_machine.</summary>
    private const ushort SharedObjectType = 3, MachineX64 = 62, MachineArm64 = 183;

    /// <summary>p_type, p_flags.</summary>
    private const uint Load = 1, Dynamic = 2, GnuStack = 0x6474_E551, ReadExecute = 5, ReadWrite = 6;

    /// <summary>st_info: global symbols.</summary>
    private const byte GlobalFunction = 0x12, GlobalObject = 0x11;

    /// <summary>d_tag.</summary>
    private const int HashTag = 4, StringsTag = 5, SymbolsTag = 6, StringsSizeTag = 10, SymbolSizeTag = 11, SoNameTag = 14;

    private readonly bool isArm;
    private readonly byte[] file;
    private readonly int symbolsAt, stringsAt, hashAt, textAt, dataAt, dynamicAt;
    private readonly int stubBytes;

    private SharedObject(IReadOnlyList<string> functions, Architecture architecture)
    {
        isArm = architecture is Architecture.Arm64;
        stubBytes = isArm ? 12 : 8;
        var strings = new MemoryStream();
        strings.WriteByte(0);
        int soName = AddString(strings, SoName);
        int[] names = [.. functions.Append(Table).Select(name => AddString(strings, name))];

        symbolsAt = HeaderBytes + Segments.Length * SegmentBytes;
        stringsAt = symbolsAt + SymbolBytes * (names.Length + 1);
        hashAt = Up(stringsAt + (int)strings.Length, SlotBytes);
        textAt = Up(hashAt + sizeof(uint) * (3 + names.Length + 1), TextAlignment);
        dataAt = Up(textAt + stubBytes * functions.Count, PageBytes);
        dynamicAt = dataAt + Up(SlotBytes * functions.Count, DynamicBytes);
        (int Tag, int Value)[] dynamic =
        [
            (SoNameTag, soName), (HashTag, hashAt), (StringsTag, stringsAt), (SymbolsTag, symbolsAt),
            (StringsSizeTag, (int)strings.Length), (SymbolSizeTag, SymbolBytes), (0, 0),
        ];
        file = new byte[dynamicAt + DynamicBytes * dynamic.Length];

        WriteHeader();
        WriteSegment(0, Load, ReadExecute, 0, textAt + stubBytes * functions.Count, PageBytes);
        WriteSegment(1, Load, ReadWrite, dataAt, file.Length - dataAt, PageBytes);
        WriteSegment(2, Dynamic, ReadWrite, dynamicAt, file.Length - dynamicAt, SlotBytes);
        WriteSegment(3, GnuStack, ReadWrite, 0, 0, DynamicBytes);
        strings.ToArray().CopyTo(file, stringsAt);
        for (int i = 0; i < functions.Count; i++)
        {
            WriteSymbol(i, names[i], GlobalFunction, textAt + stubBytes * i, stubBytes);
            WriteStub(textAt + stubBytes * i, dataAt + SlotBytes * i);
        }
        WriteSymbol(functions.Count, names[^1], GlobalObject, dataAt, SlotBytes * functions.Count);
        WriteHash(names.Length);
        for (int i = 0; i < dynamic.Length; i++)
        {
            Write64(dynamicAt + DynamicBytes * i, dynamic[i].Tag);
            Write64(dynamicAt + DynamicBytes * i + SlotBytes, dynamic[i].Value);
        }
    }

    private static ReadOnlySpan<uint> Segments => [Load, Load, Dynamic, GnuStack];

    /// <summary>The bytes of a shared object that exports these functions.</summary>
    public static byte[] Write(IReadOnlyList<string> functions, Architecture architecture) =>
        architecture is Architecture.X64 or Architecture.Arm64
            ? new SharedObject(functions, architecture).file
            : throw new PlatformNotSupportedException($"The simulated driver has no code for {architecture}.");

    private void WriteHeader()
    {
        // 64 bits, little endian, version 1.
        ((ReadOnlySpan<byte>)[0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(file);
        Write16(16, SharedObjectType);
        Write16(18, isArm ? MachineArm64 : MachineX64);
        Write32(20, 1);
        Write64(32, HeaderBytes);
        Write16(52, HeaderBytes);
        Write16(54, SegmentBytes);
        Write16(56, (ushort)Segments.Length);
        Write16(58, HeaderBytes);
    }

    private void WriteSegment(int index, uint type, uint flags, long at, long bytes, long alignment)
    {
        int to = HeaderBytes + SegmentBytes * index;
        Write32(to, type);
        Write32(to + 4, flags);
        Write64(to + 8, at);
        Write64(to + 16, at);
        Write64(to + 24, at);
        Write64(to + 32, bytes);
        Write64(to + 40, bytes);
        Write64(to + 48, alignment);
    }

    /// <summary>A symbol behind the empty one at the start.</summary>
    private void WriteSymbol(int index, int name, byte info, long value, long bytes)
    {
        int to = symbolsAt + SymbolBytes * (index + 1);
        Write32(to, (uint)name);
        file[to + 4] = info;
        // Any section but 0 says that it is defined.
        Write16(to + 6, 1);
        Write64(to + 8, value);
        Write64(to + 16, bytes);
    }

    /// <summary>One bucket with a chain through all symbols.</summary>
    private void WriteHash(int symbols)
    {
        Write32(hashAt, 1);
        Write32(hashAt + 4, (uint)symbols + 1);
        Write32(hashAt + 8, 1);
        for (int i = 1; i < symbols; i++) Write32(hashAt + 12 + sizeof(uint) * i, (uint)i + 1);
    }

    private void WriteStub(int at, int slot)
    {
        if (!isArm)
        {
            // jmp *slot(%rip); int3; int3
            (file[at], file[at + 1], file[at + 6], file[at + 7]) = (0xFF, 0x25, 0xCC, 0xCC);
            Write32(at + 2, (uint)(slot - (at + 6)));
            return;
        }
        int pages = slot / PageBytes - at / PageBytes;
        Write32(at, 0x9000_0010 | (uint)(pages & 3) << 29 | (uint)(pages >> 2 & 0x7FFFF) << 5); // adrp x16, slot
        Write32(at + 4, 0xF940_0210 | (uint)(slot % PageBytes / SlotBytes) << 10); // ldr x16, [x16, #slot % 4096]
        Write32(at + 8, 0xD61F_0200); // br x16
    }

    private static int AddString(MemoryStream strings, string text)
    {
        int at = (int)strings.Length;
        strings.Write(Encoding.ASCII.GetBytes(text));
        strings.WriteByte(0);
        return at;
    }

    private void Write16(int at, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(at), value);

    private void Write32(int at, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);

    private void Write64(int at, long value) => BinaryPrimitives.WriteInt64LittleEndian(file.AsSpan(at), value);

    private static int Up(int value, int multiple) => (value + multiple - 1) / multiple * multiple;
}
