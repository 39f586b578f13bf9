using System.Buffers.Binary;
using System.Text;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Position and length of a zip entry's bytes in the file; <paramref name="Stored"/> is true when they are its content unchanged.
/// </summary>
internal readonly record struct ZipEntry(long Offset, long Length, bool Stored);

/// <summary>
/// Lists the entries of a zip file from its central directory, zip64 included, without copying their content. Sizes in local headers are
/// ignored, because torch leaves them empty. Layout: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3.
/// </summary>
internal static class ZipDirectory
{
    private const int EndLength = 22;
    private const int LongestComment = ushort.MaxValue;
    private const int Zip64LocatorLength = 20;
    private const int Zip64EndLength = 56;
    private const int CentralLength = 46;
    private const int LocalLength = 30;
    private const ushort Zip64Extra = 1;
    private const ushort EncryptedFlag = 1;
    private const int BytesPerEntry = 300;

    /// <summary>Reads and checks all entries, by name.</summary>
    /// <exception cref="WeightsException">The archive is damaged.</exception>
    public static Dictionary<string, ZipEntry> Read(WeightsFile.Lease lease, ReadBudget budget)
    {
        WeightsFile file = lease.File;
        var window = new FileWindow(lease, budget);
        (long position, long length, long count) = Locate(file, window);
        if (position < 0 || length < 0 || position > file.Length - length) throw Damaged(file, "its directory lies outside the file");
        long end = position + length;

        var entries = new Dictionary<string, ZipEntry>(StringComparer.Ordinal);
        for (long i = 0; i < count; i++)
        {
            if (end - position < CentralLength) throw Damaged(file, "its directory ends early");
            ReadOnlySpan<byte> central = window.Bytes(position, CentralLength);
            if (!central.StartsWith("PK\x01\x02"u8)) throw Damaged(file, "its directory ends early");
            int nameLength = U16(central, 28);
            int extraLength = U16(central, 30);
            int total = CentralLength + nameLength + extraLength + U16(central, 32);
            if (end - position < total) throw Damaged(file, "its directory ends early");

            budget.Charge(BytesPerEntry + 2 * nameLength);
            central = window.Bytes(position, CentralLength + nameLength + extraLength);
            string name = Encoding.UTF8.GetString(central.Slice(CentralLength, nameLength));
            ZipEntry entry = ReadEntry(lease, central, central[(CentralLength + nameLength)..], name);
            if (!entries.TryAdd(name, entry)) throw Damaged(file, $"entry {FileText.Clean(name)} occurs twice");
            position += total;
        }
        return entries;
    }

    private static ZipEntry ReadEntry(WeightsFile.Lease lease, ReadOnlySpan<byte> central, ReadOnlySpan<byte> extra, string name)
    {
        WeightsFile file = lease.File;
        bool plain = (U16(central, 8) & EncryptedFlag) == 0 && U16(central, 10) == 0;
        // Fields that do not fit 32 bits are all ones here and follow in the zip64 record, in this order.
        ReadOnlySpan<byte> wide = FindZip64(extra);
        long length = Field(U32(central, 24), ref wide, file);
        long packed = Field(U32(central, 20), ref wide, file);
        long header = Field(U32(central, 42), ref wide, file);
        if (plain && packed != length) throw Damaged(file, $"entry {FileText.Clean(name)} has two lengths");

        if (header > file.Length - LocalLength) throw Damaged(file, $"entry {FileText.Clean(name)} lies outside the file");
        Span<byte> local = stackalloc byte[LocalLength];
        lease.Read(header, local);
        if (!local.StartsWith("PK\x03\x04"u8)) throw Damaged(file, $"entry {FileText.Clean(name)} has no header");
        long offset = header + LocalLength + U16(local, 26) + U16(local, 28);
        if (packed > file.Length - offset) throw Damaged(file, $"entry {FileText.Clean(name)} lies outside the file");
        return new ZipEntry(offset, packed, plain);
    }

    /// <summary>Finds position, length and entry count of the central directory.</summary>
    private static (long Start, long Length, long Count) Locate(WeightsFile file, FileWindow window)
    {
        int tailLength = (int)Math.Min(file.Length, EndLength + LongestComment);
        ReadOnlySpan<byte> tail = window.Bytes(file.Length - tailLength, tailLength);
        int end = tail.LastIndexOf("PK\x05\x06"u8);
        if (end < 0 || tail.Length - end < EndLength) throw Damaged(file, "its end record is missing; the file may be cut off");

        int locator = end - Zip64LocatorLength;
        if (locator < 0 || !tail[locator..].StartsWith("PK\x06\x07"u8))
            return (U32(tail, end + 16), U32(tail, end + 12), U16(tail, end + 10));

        ulong position = BinaryPrimitives.ReadUInt64LittleEndian(tail[(locator + 8)..]);
        if (file.Length < Zip64EndLength || position > (ulong)(file.Length - Zip64EndLength))
            throw Damaged(file, "its zip64 record lies outside the file");
        ReadOnlySpan<byte> zip64 = window.Bytes((long)position, Zip64EndLength);
        if (!zip64.StartsWith("PK\x06\x06"u8)) throw Damaged(file, "its zip64 record is missing");
        return (I64(zip64, 48), I64(zip64, 40), I64(zip64, 32));
    }

    private static ReadOnlySpan<byte> FindZip64(ReadOnlySpan<byte> extra)
    {
        while (extra.Length >= 4)
        {
            int length = U16(extra, 2);
            if (length > extra.Length - 4) break;
            if (U16(extra, 0) == Zip64Extra) return extra.Slice(4, length);
            extra = extra[(4 + length)..];
        }
        return [];
    }

    private static long Field(uint value, ref ReadOnlySpan<byte> wide, WeightsFile file)
    {
        if (value != uint.MaxValue) return value;
        if (wide.Length < sizeof(long)) throw Damaged(file, "a zip64 field is missing");
        long field = I64(wide, 0);
        if (field < 0) throw Damaged(file, "a zip64 field is too large");
        wide = wide[sizeof(long)..];
        return field;
    }

    private static ushort U16(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static long I64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadInt64LittleEndian(bytes[offset..]);

    private static WeightsException Damaged(WeightsFile file, string what) => new($"{file.Path}: damaged .pth file (zip): {what}.");
}
