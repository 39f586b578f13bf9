namespace IlgpuResNet.Imaging;

/// <summary>
/// Follows the markers of a JPEG file (ITU-T T.81, annex B) to find truncated files. Decoders fill the missing part with gray, and some
/// report nothing when the cut falls between two scans of a progressive file; only the end marker tells.
/// </summary>
internal static class JpegStructure
{
    private const byte Prefix = 0xFF;
    private const byte Stuffing = 0x00;
    private const byte Temporary = 0x01;
    private const byte FirstRestart = 0xD0;
    private const byte LastRestart = 0xD7;
    private const byte StartOfImage = 0xD8;
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;
    private const byte FirstFrame = 0xC0;
    private const byte LastFrame = 0xCF;
    private const byte HuffmanTables = 0xC4;
    private const byte Reserved = 0xC8;
    private const byte ArithmeticTables = 0xCC;

    /// <summary>Marker of a frame without loss (Huffman coding).</summary>
    public const byte LosslessFrame = 0xC3;

    /// <summary>First marker of a frame with arithmetic coding; those after it have that, too.</summary>
    public const byte FirstArithmeticFrame = 0xC9;

    /// <summary>Bits of a channel in the JPEG files of cameras and the web.</summary>
    public const byte UsualPrecision = 8;

    /// <summary>
    /// Returns the marker of the first frame and the bits of a channel; those of an ordinary file where there is none to be seen.
    /// </summary>
    public static (byte Marker, byte Precision) Frame(ReadOnlySpan<byte> data)
    {
        (byte, byte) usual = (FirstFrame, UsualPrecision);
        if (!data.StartsWith((ReadOnlySpan<byte>)[Prefix, StartOfImage, Prefix])) return usual;
        int position = 2;
        while (position + 4 < data.Length && data[position] == Prefix)
        {
            byte marker = data[position + 1];
            if (marker is >= FirstFrame and <= LastFrame and not (HuffmanTables or Reserved or ArithmeticTables))
                return (marker, data[position + 4]);
            if (marker is StartOfScan or EndOfImage) return usual;
            position += marker == Prefix ? 1 : 2 + (data[position + 2] << 8 | data[position + 3]);
        }
        return usual;
    }

    /// <summary>Returns true when the data is a JPEG file without its end marker. Other damage is left to the decoder.</summary>
    public static bool IsCutShort(ReadOnlySpan<byte> data)
    {
        if (!data.StartsWith((ReadOnlySpan<byte>)[Prefix, StartOfImage, Prefix])) return false;
        int position = 2;
        while (position + 1 < data.Length)
        {
            if (data[position] != Prefix) return false;
            byte marker = data[position + 1];
            if (marker == EndOfImage) return false;
            if (marker == Prefix)
            {
                // Any number of fill bytes may precede a marker.
                position++;
                continue;
            }
            position += 2;
            if (marker is Temporary or >= FirstRestart and <= LastRestart) continue;
            if (position + 1 >= data.Length) return true;
            position += data[position] << 8 | data[position + 1];
            if (marker == StartOfScan) position = EndOfScan(data, position);
        }
        return true;
    }

    /// <summary>Returns the position of the marker that ends the entropy-coded bytes, or the length of the data.</summary>
    private static int EndOfScan(ReadOnlySpan<byte> data, int position)
    {
        for (; position + 1 < data.Length; position++)
        {
            if (data[position] == Prefix && data[position + 1] is not Stuffing and not (>= FirstRestart and <= LastRestart))
                return position;
        }
        return data.Length;
    }
}
