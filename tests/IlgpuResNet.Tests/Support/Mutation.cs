using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace IlgpuResNet.Tests;

/// <summary>Damages files: as chance has it, and where a format has its numbers.</summary>
internal static class Mutation
{
    private const int SafetensorsPrefix = 8;

    /// <summary>Numbers at which sizes, offsets and their sums break.</summary>
    private static readonly long[] Numbers =
    [
        0, 1, 2, 3, 4, 7, 8, 64, 65, 100, 127, 128, 255, 256, 1000, short.MaxValue, ushort.MaxValue, 1 << 20, 1 << 24, 1 << 30,
        int.MaxValue - 1, int.MaxValue,
        1L << 31, uint.MaxValue, 1L << 32, 1L << 40, 1L << 62, long.MaxValue - 7, long.MaxValue, long.MinValue, int.MinValue, -1, -2, -8,
        -100,
    ];

    /// <summary>A number that is often at some edge.</summary>
    public static long Number(Random random) =>
        random.Next(4) == 0 ? random.NextInt64() >> random.Next(64) : Numbers[random.Next(Numbers.Length)];

    /// <summary>One change that needs no knowledge of the format.</summary>
    /// <param name="random">Decides.</param>
    /// <param name="content">The file, not empty.</param>
    /// <param name="donor">Another file, to take a piece of.</param>
    public static byte[] Bytes(Random random, byte[] content, byte[] donor)
    {
        if (content.Length == 0) return [.. donor.AsSpan(0, random.Next(Math.Min(donor.Length, 16)))];
        int at = random.Next(content.Length);
        int length = Math.Min(random.Next(1 << random.Next(8)), content.Length - at);
        ReadOnlySpan<byte> before = content.AsSpan(0, at), piece = content.AsSpan(at, length), after = content.AsSpan(at + length);
        switch (random.Next(9))
        {
            case 0:
                return [.. before, .. after];
            case 1:
                return [.. before, .. piece, .. piece, .. after];
            case 2:
                return [.. before];
            case 3:
                int from = random.Next(donor.Length);
                return [.. before, .. donor.AsSpan(from, Math.Min(random.Next(1 << random.Next(10)), donor.Length - from)),
                    .. random.Next(2) == 0 ? content.AsSpan(at) : after];
            case 4:
                return [.. before, .. donor.AsSpan(Math.Min(at, donor.Length))];
            case 5:
                return [.. before, .. Varint((ulong)Number(random)), .. content.AsSpan(at + 1)];
            case 6:
                Span<byte> number = stackalloc byte[sizeof(long)];
                BinaryPrimitives.WriteInt64LittleEndian(number, Number(random));
                number = number[..Math.Min(1 << random.Next(4), content.Length - at)];
                return [.. before, .. number, .. content.AsSpan(at + number.Length)];
            case 7:
                return Flipped(random, content);
            default:
                return Replaced(random, content);
        }
    }

    /// <summary>One change of the texts and numbers of a safetensors header, whose length stays right.</summary>
    public static byte[] Safetensors(Random random, byte[] content)
    {
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(content);
        string header = Encoding.UTF8.GetString(content, SafetensorsPrefix, length);
        int from = random.Next(header.Length);
        int digit = header.AsSpan(from).IndexOfAnyInRange('0', '9');
        if (digit < 0 || random.Next(4) == 0)
        {
            byte[] changed = Bytes(random, content[SafetensorsPrefix..(SafetensorsPrefix + length)], content);
            return WeightsFolder.Safetensors(changed, content.AsSpan(SafetensorsPrefix + length));
        }
        digit += from;
        int end = digit;
        while (end < header.Length && char.IsAsciiDigit(header[end])) end++;
        header = string.Concat(header.AsSpan(0, digit), Number(random).ToString(CultureInfo.InvariantCulture), header.AsSpan(end));
        return WeightsFolder.Safetensors(Encoding.UTF8.GetBytes(header), content.AsSpan(SafetensorsPrefix + length));
    }

    /// <summary>One change inside an entry of a zip file, which stays sound itself.</summary>
    public static byte[] ZipEntry(Random random, byte[] content, byte[] donor)
    {
        using var source = new ZipArchive(new MemoryStream(content));
        int chosen = random.Next(2) == 0 ? 0 : random.Next(source.Entries.Count);
        using var stream = new MemoryStream();
        using (var target = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            for (int i = 0; i < source.Entries.Count; i++)
            {
                using var entry = new MemoryStream();
                using (Stream from = source.Entries[i].Open()) from.CopyTo(entry);
                byte[] bytes = i == chosen ? Bytes(random, entry.ToArray(), donor) : entry.ToArray();
                using Stream to = target.CreateEntry(source.Entries[i].FullName, CompressionLevel.NoCompression).Open();
                to.Write(bytes);
            }
        }
        return stream.ToArray();
    }

    /// <summary>A number as protobuf has it.</summary>
    public static byte[] Varint(ulong number)
    {
        var bytes = new List<byte>();
        for (; number >= 0x80; number >>= 7) bytes.Add((byte)(number | 0x80));
        bytes.Add((byte)number);
        return [.. bytes];
    }

    private static byte[] Flipped(Random random, byte[] content)
    {
        byte[] changed = [.. content];
        for (int i = random.Next(1, 5); i > 0; i--) changed[random.Next(changed.Length)] ^= (byte)(1 << random.Next(8));
        return changed;
    }

    private static byte[] Replaced(Random random, byte[] content)
    {
        byte[] changed = [.. content];
        for (int i = random.Next(1, 5); i > 0; i--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
        return changed;
    }
}
