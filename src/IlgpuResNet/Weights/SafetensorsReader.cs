using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Unicode;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>
/// Reads the header of a safetensors file, which consists of a little-endian u64 N, N bytes of JSON, and the data
/// (https://huggingface.co/docs/safetensors). As strict as the reference implementation: every defect is an error of its own.
/// </summary>
internal static class SafetensorsReader
{
    /// <summary>Number of bytes before the JSON.</summary>
    public const int PrefixLength = 8;

    /// <summary>Largest header length that the reference implementation accepts, in bytes.</summary>
    public const int LongestHeader = 100_000_000;

    /// <summary>Key of the metadata, which is no tensor.</summary>
    public const string MetadataKey = "__metadata__";

    /// <summary>Limit of dimensions, more than any framework has.</summary>
    public const int HighestRank = 64;

    // Upper estimates of the memory of one tensor or one metadata entry, besides its text, in bytes.
    private const int BytesPerEntry = 600;
    private const int BytesPerSize = 24;

    /// <summary>Reads and checks the header.</summary>
    /// <exception cref="WeightsException">The file has a defect, which the message names.</exception>
    public static WeightsContent Read(WeightsFile.Lease lease, ReadBudget budget, NetworkRequest request)
    {
        WeightsFile file = lease.File;
        if (file.Length < PrefixLength)
            throw new WeightsException($"{file.Path}: damaged safetensors file: {file.Length} bytes are too few for a header.");
        Span<byte> prefix = stackalloc byte[PrefixLength];
        lease.Read(0, prefix);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader)
        {
            throw new WeightsException(
                $"{file.Path}: damaged safetensors file: the header claims {length} bytes, "
                + $"more than the format's limit of {LongestHeader}.");
        }
        if ((long)length > file.Length - PrefixLength)
        {
            throw new WeightsException(
                $"{file.Path}: damaged safetensors file: the header claims {length} bytes, "
                + $"but only {file.Length - PrefixLength} follow; the file may be cut off.");
        }
        budget.Charge((long)length);
        byte[] json = new byte[length];
        lease.Read(PrefixLength, json);
        return new HeaderParser(budget, PrefixLength + (long)length, file.Length).Parse(json, request);
    }

    private sealed class HeaderParser(ReadBudget budget, long dataStart, long fileLength)
    {
        private readonly HashSet<string> names = new(StringComparer.Ordinal);
        private readonly List<(TensorEntry Entry, long Begin, long End)> tensors = [];
        private readonly Dictionary<string, string> metadata = new(StringComparer.Ordinal);

        public WeightsContent Parse(ReadOnlySpan<byte> json, NetworkRequest request)
        {
            if (!Utf8.IsValid(json)) throw Defect("the header is not valid UTF-8");
            if (json.IsEmpty || json[0] != '{') throw Defect("the header does not start with '{'");
            var reader = new Utf8JsonReader(json);
            try
            {
                reader.Read();
                ReadObject(ref reader);
                // Throws on anything but white space after the object.
                reader.Read();
            }
            catch (JsonException e)
            {
                throw new WeightsException(
                    $"{budget.Source}: damaged safetensors file: the header is not valid JSON near its byte {e.BytePositionInLine}.", e);
            }
            catch (InvalidOperationException e)
            {
                // The JSON reader reports an unpaired escaped surrogate this way.
                throw new WeightsException(
                    $"{budget.Source}: damaged safetensors file: the header has a text that is not valid Unicode.", e);
            }
            CheckLayout();
            return WeightsContent.Choose(budget, [new TensorSet("", tensors.ConvertAll(tensor => tensor.Entry))], request, metadata);
        }

        private void ReadObject(ref Utf8JsonReader reader)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = ReadText(ref reader);
                if (!names.Add(name)) throw Defect($"the header has the key {FileText.Clean(name)} twice");
                reader.Read();
                if (name == MetadataKey) ReadMetadata(ref reader);
                else ReadTensor(ref reader, name);
            }
        }

        private void ReadMetadata(ref Utf8JsonReader reader)
        {
            if (reader.TokenType != JsonTokenType.StartObject) throw Defect($"{MetadataKey} is not an object");
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string key = ReadText(ref reader);
                reader.Read();
                if (reader.TokenType != JsonTokenType.String) throw Defect($"{MetadataKey} entry {FileText.Clean(key)} is not a text");
                if (!metadata.TryAdd(key, ReadText(ref reader))) throw Defect($"{MetadataKey} has the key {FileText.Clean(key)} twice");
            }
        }

        private void ReadTensor(ref Utf8JsonReader reader, string name)
        {
            if (reader.TokenType != JsonTokenType.StartObject) throw Defect($"tensor {FileText.Clean(name)} is not described by an object");
            DataType? type = null;
            ImmutableArray<int> shape = default;
            (long Begin, long End)? offsets = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool repeated;
                if (reader.ValueTextEquals("dtype"u8))
                {
                    repeated = type is not null;
                    reader.Read();
                    type = ReadType(ref reader, name);
                }
                else if (reader.ValueTextEquals("shape"u8))
                {
                    repeated = !shape.IsDefault;
                    reader.Read();
                    shape = ReadShape(ref reader, name);
                }
                else if (reader.ValueTextEquals("data_offsets"u8))
                {
                    repeated = offsets is not null;
                    reader.Read();
                    offsets = ReadOffsets(ref reader, name);
                }
                else
                {
                    repeated = false;
                    reader.Skip();
                }
                if (repeated) throw Defect($"tensor {FileText.Clean(name)} is described twice by the same key");
            }
            if (type is not { } dataType) throw Defect($"tensor {FileText.Clean(name)} has no dtype");
            if (shape.IsDefault) throw Defect($"tensor {FileText.Clean(name)} has no shape");
            if (offsets is not (long begin, long end)) throw Defect($"tensor {FileText.Clean(name)} has no data_offsets");
            CheckSize(name, dataType, shape, end - begin);
            tensors.Add((new TensorEntry(name, shape, dataType, dataStart + begin), begin, end));
        }

        private DataType ReadType(ref Utf8JsonReader reader, string name)
        {
            if (reader.TokenType != JsonTokenType.String) throw Defect($"tensor {FileText.Clean(name)} has a dtype that is not a text");
            string text = ReadText(ref reader);
            return DataTypes.TryParseSafetensors(text, out DataType type)
                ? type
                : throw new WeightsException(
                    $"{budget.Source}: tensor {FileText.Clean(name)} has dtype {FileText.Clean(text)}, which is not supported; "
                    + $"convert it to one of {DataTypes.SupportedSafetensorsNames}.");
        }

        private ImmutableArray<int> ReadShape(ref Utf8JsonReader reader, string name)
        {
            if (reader.TokenType != JsonTokenType.StartArray) throw Defect($"tensor {FileText.Clean(name)} has a shape that is not a list");
            var sizes = new List<int>();
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out int size) || size < 0)
                    throw Defect($"tensor {FileText.Clean(name)} has a size that is not a whole number from 0 to {int.MaxValue}");
                if (sizes.Count == HighestRank) throw Defect($"tensor {FileText.Clean(name)} has more than {HighestRank} dimensions");
                budget.Charge(BytesPerSize);
                sizes.Add(size);
            }
            return [.. sizes];
        }

        private (long Begin, long End) ReadOffsets(ref Utf8JsonReader reader, string name)
        {
            Span<long> offsets = stackalloc long[2];
            if (reader.TokenType == JsonTokenType.StartArray
                && reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out offsets[0])
                && reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out offsets[1])
                && reader.Read() && reader.TokenType == JsonTokenType.EndArray
                && offsets[0] >= 0 && offsets[0] <= offsets[1])
            {
                return (offsets[0], offsets[1]);
            }
            throw Defect($"tensor {FileText.Clean(name)} has data_offsets that are not two ascending whole numbers");
        }

        private void CheckSize(string name, DataType type, ImmutableArray<int> shape, long stored)
        {
            Int128 bytes = type.Size();
            bool empty = shape.Contains(0);
            foreach (int size in shape)
            {
                bytes *= empty ? 0 : size;
                if (bytes > long.MaxValue)
                    throw Defect($"tensor {FileText.Clean(name)} of shape {FileText.Shape(shape)} overflows 64 bits");
            }
            if (bytes != stored)
            {
                throw Defect(
                    $"tensor {FileText.Clean(name)} of shape {FileText.Shape(shape)} and dtype {type.SafetensorsName()} "
                    + $"needs {bytes} bytes, but its data_offsets span {stored}");
            }
        }

        /// <summary>Checks that the tensors cover the data exactly, in any order.</summary>
        private void CheckLayout()
        {
            long position = 0;
            foreach ((TensorEntry entry, long begin, long end) in tensors.OrderBy(tensor => tensor.Begin).ThenBy(tensor => tensor.End))
            {
                if (begin > position) throw Defect($"a hole of {begin - position} bytes lies before tensor {FileText.Clean(entry.Name)}");
                if (begin < position) throw Defect($"tensor {FileText.Clean(entry.Name)} overlaps another tensor");
                position = end;
            }
            long available = fileLength - dataStart;
            if (position > available)
                throw Defect($"the tensors need {position} bytes, but only {available} follow the header; the file may be cut off");
            if (position < available) throw Defect($"{available - position} bytes follow the last tensor");
        }

        /// <summary>Reads the current text and charges it before it is allocated.</summary>
        private string ReadText(ref Utf8JsonReader reader)
        {
            budget.Charge(BytesPerEntry + 2L * reader.ValueSpan.Length);
            return reader.GetString()!;
        }

        private WeightsException Defect(string what) => new($"{budget.Source}: damaged safetensors file: {what}.");
    }
}
