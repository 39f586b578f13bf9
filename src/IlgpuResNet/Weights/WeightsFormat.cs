using System.Text;

namespace IlgpuResNet.Weights;

/// <summary>File formats of weights.</summary>
internal enum WeightsFormat
{
    /// <summary>https://huggingface.co/docs/safetensors</summary>
    Safetensors,

    /// <summary>Zip format that <c>torch.save</c> writes since 1.6.</summary>
    TorchZip,

    /// <summary>Stream format that <c>torch.save</c> wrote before 1.6.</summary>
    TorchStream,
}

/// <summary>Recognises formats by content; a file's extension only helps to word an error.</summary>
internal static class WeightsFormats
{
    private const int LookAt = 512;

    /// <summary>Torch's magic number 0x1950a86a20f9469cfc6c as a pickle writes it: LONG1 and ten bytes.</summary>
    private static readonly byte[] TorchMagic = [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E];

    /// <summary>Length of the opcodes before the magic number: PROTO, and FRAME from protocol 4 on.</summary>
    private const int ProtocolLength = 2;
    private const int FrameLength = 9;
    private const byte Frame = 0x95;

    /// <summary>Recognises the format of a file.</summary>
    /// <exception cref="WeightsException">The file has another format; the message says which one it resembles.</exception>
    public static WeightsFormat Recognise(WeightsFile.Lease lease)
    {
        WeightsFile file = lease.File;
        Span<byte> bytes = stackalloc byte[(int)Math.Min(file.Length, LookAt)];
        lease.Read(0, bytes);
        ReadOnlySpan<byte> start = bytes;
        if (start.StartsWith("PK\x03\x04"u8)) return WeightsFormat.TorchZip;
        if (IsTorchStream(start)) return WeightsFormat.TorchStream;
        if (start.Length > SafetensorsReader.PrefixLength && start[SafetensorsReader.PrefixLength] == '{') return WeightsFormat.Safetensors;
        string? guess = Guess(start);
        if (guess is null && file.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)) return WeightsFormat.Safetensors;
        string found = guess is null
            ? $"its first bytes are {Convert.ToHexString(start[..Math.Min(start.Length, 8)])}"
            : $"it looks like {guess}";
        throw new WeightsException($"{file.Path}: not a weights file: {found}; a safetensors or .pth file was expected.");
    }

    private static bool IsTorchStream(ReadOnlySpan<byte> start)
    {
        if (start is not [0x80, >= 2 and <= 5, ..]) return false;
        start = start[ProtocolLength..];
        if (start.Length > FrameLength && start[0] == Frame) start = start[FrameLength..];
        return start.StartsWith(TorchMagic);
    }

    private static string? Guess(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith("version https://git-lfs"u8)) return "a Git LFS pointer, whose content was not downloaded (git lfs pull)";
        if (start.StartsWith("PK"u8)) return "an empty or split zip archive";
        if (start is [0x89, (byte)'H', (byte)'D', (byte)'F', ..]) return "an HDF5 file (Keras)";
        if (start.StartsWith("GGUF"u8)) return "a GGUF file";
        if (start is [0x93, (byte)'N', (byte)'U', (byte)'M', ..]) return "a NumPy array";
        if (start is [0x1F, 0x8B, ..]) return "a gzip file; unpack it first";
        if (start.Length == LookAt && start.Slice(257, 5).SequenceEqual("ustar"u8)) return "a tar archive";
        // protobuf: field 1 (ir_version) as a small number, then field 2 (producer_name) or a neighbour as bytes.
        if (start is [0x08, < 0x20, 0x12 or 0x1A or 0x22 or 0x3A or 0x42, ..]) return "an ONNX model";
        if (start is [0x80, >= 2 and <= 5, ..]) return "a Python pickle that torch.save did not write";
        return IsText(start) ? TextKind(start) : null;
    }

    private static bool IsText(ReadOnlySpan<byte> start) =>
        !start.ContainsAnyInRange((byte)0, (byte)8) && !start.ContainsAnyInRange((byte)0x0E, (byte)0x1F);

    private static string TextKind(ReadOnlySpan<byte> start)
    {
        string text = Encoding.Latin1.GetString(start).TrimStart('\u00EF', '\u00BB', '\u00BF', ' ', '\r', '\n', '\t');
        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
            return "an HTML page, perhaps saved in place of a download";
        if (text.StartsWith('<')) return "an XML file";
        return text.StartsWith('{') ? "a JSON file" : "a text file";
    }
}
