using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>A float32 array in NumPy's <c>.npy</c> format (numpy.lib.format, versions 1 to 3), row-major and little-endian.</summary>
internal sealed partial record NpyArray(int[] Shape, float[] Values)
{
    private const int MagicLength = 6;
    private const int Alignment = 64;
    private const int LongestHeader = 1 << 16;

    private static ReadOnlySpan<byte> Magic => [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads a file.</summary>
    /// <exception cref="ResNetException">The file cannot be read or is not such an array.</exception>
    public static NpyArray Load(string path)
    {
        try
        {
            if (InputFile.Length(path) == 0) throw new IOException("it is empty, or no regular file");
            using FileStream file = File.OpenRead(path);
            return Read(file, path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ResNetException($"{path}: the array cannot be read: permission is denied.", e);
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            throw new ResNetException($"{path}: the array cannot be read: {e.Message}.", e);
        }
    }

    /// <summary>Writes the array as <see cref="AtomicFile"/> does: an existing file is replaced whole or left as it was.</summary>
    /// <exception cref="ResNetException">The file cannot be written.</exception>
    public void Save(string path)
    {
        string header = $"{{'descr': '<f4', 'fortran_order': False, 'shape': ({string.Join(", ", Shape)},), }}";
        int length = MagicLength + 4 + header.Length + 1;
        header = header.PadRight(header.Length + (Alignment - length % Alignment) % Alignment) + "\n";
        try
        {
            AtomicFile.Write(path, file =>
            {
                file.Write(Magic);
                file.Write([1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
                file.Write(Encoding.Latin1.GetBytes(header));
                file.Write(MemoryMarshal.AsBytes(Values.AsSpan()));
            });
        }
        catch (IOException e)
        {
            throw new ResNetException($"{path}: the array cannot be written: {e.Message}.", e);
        }
    }

    private static NpyArray Read(FileStream file, string path)
    {
        Span<byte> prefix = stackalloc byte[MagicLength + 6];
        int read = file.ReadAtLeast(prefix, prefix.Length, throwOnEndOfStream: false);
        if (read < prefix.Length || !prefix.StartsWith(Magic))
        {
            throw new ResNetException(
                $"{path}: expected a NumPy array (.npy), but the file does not start as one. Save it with numpy.save.");
        }
        bool isVersion1 = prefix[MagicLength] == 1;
        Span<byte> lengthField = prefix[(MagicLength + 2)..];
        long headerLength = isVersion1
            ? BinaryPrimitives.ReadUInt16LittleEndian(lengthField)
            : BinaryPrimitives.ReadUInt32LittleEndian(lengthField);
        long headerStart = MagicLength + 2 + (isVersion1 ? 2 : 4);
        if (headerLength > LongestHeader || headerStart + headerLength > file.Length)
        {
            throw new ResNetException(
                $"{path}: its header claims {headerLength} bytes, but the file has {file.Length}. The file is damaged.");
        }
        byte[] headerBytes = new byte[headerLength];
        file.Position = headerStart;
        file.ReadExactly(headerBytes);
        string header = Encoding.Latin1.GetString(headerBytes);

        if (!header.Contains("'<f4'", StringComparison.Ordinal) || !header.Contains("'fortran_order': False", StringComparison.Ordinal))
        {
            throw new ResNetException(
                $"{path}: expected a float32 array in C order, but its header is {header.Trim()}. "
                + "Convert it with numpy.ascontiguousarray(a, numpy.float32).");
        }
        if (ShapePattern().Match(header) is not { Success: true } match)
            throw new ResNetException($"{path}: its header has no readable shape: {header.Trim()}. The file is damaged.");
        (int[] shape, long count) = Parse(match.Groups[1].Value, path);
        long bytes = file.Length - headerStart - headerLength;
        if (count > int.MaxValue / sizeof(float) || count * sizeof(float) != bytes)
        {
            throw new ResNetException(
                $"{path}: shape ({match.Groups[1].Value}) needs {count} floats, but the file holds {bytes} bytes of data. "
                + "The file is damaged or too large.");
        }
        float[] values = new float[count];
        file.ReadExactly(MemoryMarshal.AsBytes(values.AsSpan()));
        return new NpyArray(shape, values);
    }

    /// <summary>Reads the sizes between a shape's parentheses, and counts the elements.</summary>
    private static (int[] Shape, long Count) Parse(string text, string path)
    {
        try
        {
            string[] sizes = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            int[] shape = [.. sizes.Select(size => int.Parse(size, NumberStyles.None, CultureInfo.InvariantCulture))];
            long count = 1;
            foreach (int size in shape) count = checked(count * size);
            return (shape, count);
        }
        catch (OverflowException)
        {
            throw new ResNetException($"{path}: its shape ({text}) is too large.");
        }
        catch (FormatException)
        {
            throw new ResNetException($"{path}: its shape ({text}) is not a list of whole numbers. The file is damaged.");
        }
    }

    [GeneratedRegex(@"'shape': \(([0-9, ]*)\)")]
    private static partial Regex ShapePattern();
}
