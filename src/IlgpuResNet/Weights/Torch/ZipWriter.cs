using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Writes a zip archive of stored entries front to back, as <c>torch.save</c> does: an extra field aligns each content to a multiple of 64
/// bytes, and its checksum and length follow it. No zip64. Layout: PKWARE APPNOTE 6.3.10, section 4.3.
/// </summary>
internal sealed class ZipWriter(Stream stream)
{
    /// <summary>Largest number of entries of an archive.</summary>
    public const int MostEntries = ushort.MaxValue;

    private const int Alignment = 64;
    private const int LocalLength = 30;
    private const int DescriptorLength = 16;
    private const int CentralLength = 46;
    private const int EndLength = 22;
    private const int ExtraHeaderLength = 4;

    /// <summary>Lengths follow the content (bit 3), and names are UTF-8 (bit 11).</summary>
    private const ushort Flags = (1 << 3) | (1 << 11);

    /// <summary>Id ("FB") that torch gives its padding, and the byte that fills it.</summary>
    private const ushort PaddingId = 0x4246;
    private const byte PaddingByte = (byte)'Z';

    private readonly ArrayBufferWriter<byte> directory = new();
    private readonly Crc32 checksum = new();
    private ushort entries;
    private long position;
    private long start;
    private byte[] name = [];
    private long length;

    /// <summary>Returns an upper bound of the bytes that an entry takes besides its content.</summary>
    public static int Overhead(string name) =>
        LocalLength + ExtraHeaderLength + Alignment + DescriptorLength + CentralLength + EndLength + 2 * Encoding.UTF8.GetByteCount(name);

    /// <summary>Starts an entry; <see cref="Append"/> adds its content until <see cref="EndEntry"/>.</summary>
    public void BeginEntry(string entryName)
    {
        name = Encoding.UTF8.GetBytes(entryName);
        start = position;
        length = 0;
        int padding = (int)(-(position + LocalLength + name.Length + ExtraHeaderLength) & (Alignment - 1));

        byte[] header = new byte[LocalLength + name.Length + ExtraHeaderLength + padding];
        Span<byte> rest = header;
        "PK\x03\x04"u8.CopyTo(header);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[6..], Flags);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[26..], (ushort)name.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[28..], (ushort)(ExtraHeaderLength + padding));
        rest = rest[LocalLength..];
        name.CopyTo(rest);
        rest = rest[name.Length..];
        BinaryPrimitives.WriteUInt16LittleEndian(rest, PaddingId);
        BinaryPrimitives.WriteUInt16LittleEndian(rest[2..], (ushort)padding);
        rest[ExtraHeaderLength..].Fill(PaddingByte);
        Write(header);
    }

    /// <summary>Adds bytes to the entry's content.</summary>
    public void Append(ReadOnlySpan<byte> content)
    {
        checksum.Append(content);
        length += content.Length;
        Write(content);
    }

    /// <summary>Ends the entry.</summary>
    public void EndEntry()
    {
        uint crc = checksum.GetCurrentHashAsUInt32();
        checksum.Reset();
        entries = checked((ushort)(entries + 1));

        Span<byte> descriptor = stackalloc byte[DescriptorLength];
        "PK\x07\x08"u8.CopyTo(descriptor);
        WriteSizes(descriptor[4..], crc);
        Write(descriptor);

        Span<byte> central = stackalloc byte[CentralLength];
        central.Clear();
        "PK\x01\x02"u8.CopyTo(central);
        BinaryPrimitives.WriteUInt16LittleEndian(central[8..], Flags);
        WriteSizes(central[16..], crc);
        BinaryPrimitives.WriteUInt16LittleEndian(central[28..], (ushort)name.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(central[42..], checked((uint)start));
        directory.Write(central);
        directory.Write(name);
    }

    /// <summary>Writes the directory, which completes the archive.</summary>
    public void Finish()
    {
        Span<byte> end = stackalloc byte[EndLength];
        end.Clear();
        "PK\x05\x06"u8.CopyTo(end);
        BinaryPrimitives.WriteUInt16LittleEndian(end[8..], entries);
        BinaryPrimitives.WriteUInt16LittleEndian(end[10..], entries);
        BinaryPrimitives.WriteUInt32LittleEndian(end[12..], checked((uint)directory.WrittenCount));
        BinaryPrimitives.WriteUInt32LittleEndian(end[16..], checked((uint)position));
        stream.Write(directory.WrittenSpan);
        stream.Write(end);
    }

    private void WriteSizes(Span<byte> destination, uint crc)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, crc);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], checked((uint)length));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[8..], checked((uint)length));
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        position += bytes.Length;
    }
}
