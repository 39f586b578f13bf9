using System.Text;
using Google.Protobuf;
using IlgpuResNet.Files;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Recognises ONNX models by content. The format has no signature: a file is taken for a model when its start consists of fields of
/// ModelProto, each stored as that field must be.
/// </summary>
internal static class OnnxRecognition
{
    /// <summary>Number of bytes at the start of a file that are examined.</summary>
    public const int LookAt = 512;

    private const int SafetensorsPrefix = 8;

    /// <summary>True when a file holds an ONNX model; false also when it cannot be read: another reader reports that.</summary>
    public static bool IsModel(string path)
    {
        try
        {
            if (InputFile.Length(path) == 0) return false;
            using FileStream stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[LookAt];
            return LooksLikeOnnx(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return false;
        }
    }

    /// <summary>True when a file that starts so is taken for a model.</summary>
    public static bool LooksLikeOnnx(ReadOnlySpan<byte> start)
    {
        if (start.Length > LookAt) start = start[..LookAt];
        // Every model has control characters, at least the number of a version. A safetensors header is a length and a text.
        if (!start.ContainsAnyInRange((byte)0, (byte)8)) return false;
        if (IsSafetensors(start)) return false;
        bool hasVersion = false;
        for (int position = 0; position < start.Length;)
        {
            if (!TryField(start, ref position, out int field, out WireFormat.WireType type, out ReadOnlySpan<byte> content)) return false;
            WireFormat.WireType? expected = field switch
            {
                ModelField.IrVersion or ModelField.ModelVersion => WireFormat.WireType.Varint,
                ModelField.ProducerName or ModelField.ProducerVersion or ModelField.Domain or ModelField.DocString or ModelField.Graph
                    or ModelField.OpsetImport or ModelField.MetadataProps or ModelField.TrainingInfo or ModelField.Functions
                    or ModelField.Configuration => WireFormat.WireType.LengthDelimited,
                _ => null,
            };
            if (type != expected) return false;
            if (field == ModelField.Graph) return LooksLikeGraph(content);
            hasVersion |= field == ModelField.IrVersion;
        }
        return hasVersion;
    }

    /// <summary>Description of another format that a file seems to have, for a message; null when none is recognised.</summary>
    public static string? Guess(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8)) return "a Git LFS pointer, whose content was not downloaded (git lfs pull)";
        if (start.StartsWith("PK"u8)) return "a zip archive, such as a .pth file";
        if (start is [0x1F, 0x8B, ..]) return "a gzip file; unpack it first";
        if (IsSafetensors(start)) return "a safetensors file";
        if (start.ContainsAnyInRange((byte)0, (byte)8) || start.ContainsAnyInRange((byte)0x0E, (byte)0x1F)) return null;
        string text = Encoding.Latin1.GetString(start);
        return text.Contains("ir_version", StringComparison.Ordinal) || text.Contains("dims:", StringComparison.Ordinal)
            ? "protobuf in text form; save it in binary form (onnx.save)"
            : "a text file";
    }

    private static bool IsSafetensors(ReadOnlySpan<byte> start) => start.Length > SafetensorsPrefix
        && start[SafetensorsPrefix] == '{'
        && !start[(SafetensorsPrefix / 2)..SafetensorsPrefix].ContainsAnyExcept((byte)0);

    private static bool LooksLikeGraph(ReadOnlySpan<byte> start)
    {
        for (int position = 0; position < start.Length;)
        {
            if (!TryField(start, ref position, out int field, out WireFormat.WireType type, out _)) return false;
            if (type != WireFormat.WireType.LengthDelimited || !IsFieldOfGraph(field)) return false;
        }
        return true;
    }

    private static bool IsFieldOfGraph(int field) => field is GraphField.Node or GraphField.Name or GraphField.Initializer
        or GraphField.SparseInitializer or GraphField.DocString or GraphField.Input or GraphField.Output or GraphField.ValueInfo
        or GraphField.QuantizationAnnotation or GraphField.MetadataProps;

    /// <summary>Reads one field. If it reaches beyond the examined bytes, the position is set to their end.</summary>
    private static bool TryField(
        ReadOnlySpan<byte> start, ref int position, out int field, out WireFormat.WireType type, out ReadOnlySpan<byte> content)
    {
        content = default;
        bool valid = TryVarint(start, ref position, out ulong tag);
        field = (int)(tag >> 3);
        type = (WireFormat.WireType)(tag & 7);
        if (!valid || tag > int.MaxValue || !TryVarint(start, ref position, out ulong value)) return false;
        if (type != WireFormat.WireType.LengthDelimited) return true;
        content = value < (ulong)(start.Length - position) ? start.Slice(position, (int)value) : start[position..];
        position += content.Length;
        return value <= int.MaxValue;
    }

    private static bool TryVarint(ReadOnlySpan<byte> start, ref int position, out ulong number)
    {
        number = 0;
        for (int shift = 0; shift < 64 && position < start.Length; shift += 7)
        {
            byte part = start[position++];
            number |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80) return true;
        }
        // A number that the end of the examined bytes cuts off may be valid.
        return position == start.Length;
    }
}
