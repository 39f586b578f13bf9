using System.Buffers.Binary;

namespace IlgpuResNet.Imaging;

/// <summary>Reads the orientation in EXIF data, a TIFF directory (CIPA DC-008), and finds that data in PNG files.</summary>
internal static class ExifOrientation
{
    private const int HeaderLength = 8;
    private const int EntryLength = 12;
    private const ushort Tag = 0x0112;
    private const ushort ShortType = 3;
    private const int Most = 8;

    private const int PngSignatureLength = 8;

    /// <summary>Bytes of a PNG chunk besides its data: length, type and check sum.</summary>
    private const int ChunkFrame = 12;

    /// <summary>The orientation of a PNG file (PNG 3, chunk eXIf): 1 to 8, or upright where the file has none.</summary>
    public static int OfPng(ReadOnlySpan<byte> png)
    {
        int position = PngSignatureLength;
        while (position <= png.Length - ChunkFrame)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png[position..]);
            if (length > png.Length - position - ChunkFrame) break;
            if (png.Slice(position + 4, 4).SequenceEqual("eXIf"u8)) return Of(png.Slice(position + 8, (int)length));
            position += (int)length + ChunkFrame;
        }
        return Orientation.Upright;
    }

    /// <summary>The orientation of EXIF data: 1 to 8, or upright where there is none or the data is damaged.</summary>
    public static int Of(ReadOnlySpan<byte> exif)
    {
        // Some writers put the marker of JPEG files before the data.
        if (exif.StartsWith("Exif\0\0"u8)) exif = exif[6..];
        if (exif.Length < HeaderLength) return Orientation.Upright;
        bool little = exif.StartsWith("II"u8);
        if (!little && !exif.StartsWith("MM"u8)) return Orientation.Upright;
        uint directory = Number(exif[4..], little);
        if (directory > exif.Length - 2) return Orientation.Upright;
        int count = Short(exif[(int)directory..], little);
        for (int i = 0; i < count; i++)
        {
            long place = directory + 2 + (long)i * EntryLength;
            if (place > exif.Length - EntryLength) break;
            ReadOnlySpan<byte> entry = exif.Slice((int)place, EntryLength);
            if (Short(entry, little) != Tag) continue;
            int value = Short(entry[8..], little);
            return Short(entry[2..], little) == ShortType && value is >= Orientation.Upright and <= Most ? value : Orientation.Upright;
        }
        return Orientation.Upright;
    }

    private static ushort Short(ReadOnlySpan<byte> data, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(data) : BinaryPrimitives.ReadUInt16BigEndian(data);

    private static uint Number(ReadOnlySpan<byte> data, bool little) =>
        little ? BinaryPrimitives.ReadUInt32LittleEndian(data) : BinaryPrimitives.ReadUInt32BigEndian(data);
}
