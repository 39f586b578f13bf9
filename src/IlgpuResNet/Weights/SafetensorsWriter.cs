using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Writes a state dict as a safetensors file, each tensor in its own element type.</summary>
internal static class SafetensorsWriter
{
    private const int Alignment = 8;

    /// <summary>Writes the file through <see cref="AtomicFile"/>: an existing file is replaced whole or left unchanged.</summary>
    /// <exception cref="WeightsException">The file cannot be written, or a name cannot be stored.</exception>
    public static void Write(StateDict weights, string path, IReadOnlyDictionary<string, string> metadata)
    {
        // Writing wide elements first keeps every tensor aligned to its element size.
        StateTensor[] ordered = [.. weights.Values.OrderByDescending(tensor => tensor.DataType.Size())];
        ReadOnlyMemory<byte> header = Header(weights, ordered, metadata);
        WeightsFileWriter.Write(path, stream =>
        {
            Span<byte> prefix = stackalloc byte[SafetensorsReader.PrefixLength];
            BinaryPrimitives.WriteInt64LittleEndian(prefix, header.Length);
            stream.Write(prefix);
            stream.Write(header.Span);
            foreach (StateTensor tensor in ordered) tensor.WriteTo(stream, static (piece, target) => target.Write(piece));
        });
    }

    private static ReadOnlyMemory<byte> Header(StateDict weights, StateTensor[] ordered, IReadOnlyDictionary<string, string> metadata)
    {
        var offsets = new Dictionary<StateTensor, long>(ReferenceEqualityComparer.Instance);
        long end = 0;
        foreach (StateTensor tensor in ordered)
        {
            offsets.Add(tensor, end);
            end += tensor.Count * tensor.DataType.Size();
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(SafetensorsReader.MetadataKey);
                foreach ((string key, string value) in metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (StateTensor tensor in weights.Values) WriteTensor(json, tensor, offsets[tensor]);
            json.WriteEndObject();
        }
        // The format allows spaces after the JSON; they align the data.
        int padding = -buffer.WrittenCount & (Alignment - 1);
        buffer.GetSpan(padding)[..padding].Fill((byte)' ');
        buffer.Advance(padding);
        return buffer.WrittenMemory;
    }

    private static void WriteTensor(Utf8JsonWriter json, StateTensor tensor, long offset)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DataType.SafetensorsName());
        json.WriteStartArray("shape");
        foreach (int size in tensor.Shape) json.WriteNumberValue(size);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(offset);
        json.WriteNumberValue(offset + tensor.Count * tensor.DataType.Size());
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
