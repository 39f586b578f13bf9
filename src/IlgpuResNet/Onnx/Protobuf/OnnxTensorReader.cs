using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Google.Protobuf;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Reads TensorProto. Plain little-endian elements (raw_data, packed floats, external data) stay in the file; numbers of varying length
/// are decoded into memory.
/// </summary>
/// <param name="file">The file with the message; the caller disposes it.</param>
/// <param name="external">Opens the files of external data; null where none is allowed.</param>
internal sealed class OnnxTensorReader(WeightsFile file, OnnxExternalData? external)
{
    // Upper estimates of a tensor object with its entry in a dictionary, and of one size, in bytes.
    private const int BytesPerTensor = 320;
    private const int BytesPerSize = sizeof(int);

    /// <summary>Reads a tensor of a supported element type.</summary>
    /// <exception cref="WeightsException">The tensor is damaged, or has an unsupported element type.</exception>
    public StateTensor Read(ProtoReader message)
    {
        StateTensor tensor = ReadLazily(message);
        return tensor is RefusedTensor refused ? throw refused.Refusal() : tensor;
    }

    /// <summary>Reads a tensor; one of an unsupported element type becomes a <see cref="RefusedTensor"/>.</summary>
    /// <exception cref="WeightsException">The tensor is damaged.</exception>
    public StateTensor ReadLazily(ProtoReader message)
    {
        message.Budget.Charge(BytesPerTensor);
        Content content = ReadContent(message);
        ImmutableArray<int> shape = ReadShape(message, content);
        if (content.IsSegment) throw Defect(message, content, "is a segment of a larger tensor, which is not supported; save it whole");
        if (OnnxElementType.ToDataType(content.ElementType) is not { } type)
        {
            return new RefusedTensor
            {
                Name = content.Name,
                Shape = [],
                DataType = default,
                Source = message.Budget.Source,
                ElementType = content.ElementType,
            };
        }
        long bytes = Size(message, content, shape, type);
        if (content.Location == OnnxDataLocation.External)
        {
            if (external is null)
                throw Defect(message, content, "has its values in another file, which is not allowed here; save them inside");
            if (content.HasRaw || content.TypedField != 0) throw Defect(message, content, "has values both in this file and in another");
            (WeightsFile otherFile, long offset) = external.Find(content.Name, content.External, bytes);
            return InFile(otherFile, offset, content.Name, shape, type);
        }
        if (content.Location != OnnxDataLocation.InFile)
            throw Defect(message, content, $"has its values at a location of unknown kind {content.Location}");
        if (content.HasRaw && content.TypedCount > 0) throw Defect(message, content, "has values both as raw_data and as numbers");
        if (content.TypedCount == 0)
        {
            if (content.RawLength != bytes)
            {
                string kind = $"of shape {FileText.Shape(shape)} and type {OnnxElementType.Name(content.ElementType)}";
                throw Defect(message, content, $"{kind} needs {bytes} bytes, but has {content.RawLength}");
            }
            return InFile(file, content.RawStart, content.Name, shape, type);
        }
        return Typed(message, content, shape, type, bytes);
    }

    private StateTensor Typed(ProtoReader message, in Content content, ImmutableArray<int> shape, DataType type, long bytes)
    {
        int field = FieldOf(type);
        if (content.TypedField != field)
        {
            string typed = $"of type {OnnxElementType.Name(content.ElementType)}";
            throw Defect(message, content, $"{typed} has values in field {content.TypedField}, where that type has them in field {field}");
        }
        long count = bytes / type.Size();
        if (content.TypedCount != count)
            throw Defect(message, content, $"of shape {FileText.Shape(shape)} needs {count} numbers, but has {content.TypedCount}");
        if (content.PackedLength == bytes && field is TensorField.FloatData or TensorField.DoubleData)
            return InFile(file, content.PackedStart, content.Name, shape, type);
        message.Budget.Charge(bytes);
        byte[] values = new byte[bytes];
        Decode(message, content, type, values);
        return new BytesTensor { Name = content.Name, Shape = shape, DataType = type, Values = values };
    }

    private static void Decode(ProtoReader message, in Content content, DataType type, Span<byte> destination)
    {
        ProtoReader reader = message.Again();
        while (reader.Next())
        {
            if (reader.Field != content.TypedField) continue;
            if (reader.Field is TensorField.FloatData or TensorField.DoubleData)
            {
                destination = reader.CopyNumbers(destination);
                continue;
            }
            for (int at = 0; reader.NextVarint(ref at, out long number);)
            {
                reader.CheckSame(!destination.IsEmpty);
                if (!Store(type, number, destination))
                {
                    string typed = $"of type {OnnxElementType.Name(content.ElementType)}";
                    throw Defect(message, content, $"{typed} has the value {number}, which that type cannot hold");
                }
                destination = destination[type.Size()..];
            }
        }
        reader.CheckSame(destination.IsEmpty);
    }

    /// <summary>Stores a number as an element; a float16 or bfloat16 is given by its bits. False when the number does not fit.</summary>
    private static bool Store(DataType type, long number, Span<byte> destination)
    {
        switch (type)
        {
            case DataType.Int64:
                BinaryPrimitives.WriteInt64LittleEndian(destination, number);
                return true;
            case DataType.Int32:
                BinaryPrimitives.WriteInt32LittleEndian(destination, (int)number);
                return true;
            case DataType.Int16:
                BinaryPrimitives.WriteInt16LittleEndian(destination, (short)number);
                return (short)number == (int)number;
            case DataType.Float16 or DataType.BFloat16:
                BinaryPrimitives.WriteUInt16LittleEndian(destination, (ushort)number);
                return (ushort)number == (int)number;
            case DataType.Int8:
                destination[0] = (byte)number;
                return (sbyte)number == (int)number;
            case DataType.UInt8:
                destination[0] = (byte)number;
                return (byte)number == (int)number;
            case DataType.Bool:
                destination[0] = (byte)number;
                return number is 0 or 1;
            default:
                throw new UnreachableException();
        }
    }

    private static int FieldOf(DataType type) => type switch
    {
        DataType.Float32 => TensorField.FloatData,
        DataType.Float64 => TensorField.DoubleData,
        DataType.Int64 => TensorField.Int64Data,
        _ => TensorField.Int32Data,
    };

    private static FileTensor InFile(WeightsFile file, long offset, string name, ImmutableArray<int> shape, DataType type) =>
        new() { Name = name, Shape = shape, DataType = type, File = file, Offset = offset, Strides = default };

    private static ImmutableArray<int> ReadShape(ProtoReader message, in Content content)
    {
        if (content.Rank > SafetensorsReader.HighestRank)
            throw Defect(message, content, $"has more than {SafetensorsReader.HighestRank} dimensions");
        if (content.Rank == 0) return [];
        message.Budget.Charge(content.Rank * BytesPerSize);
        int[] shape = new int[content.Rank];
        int dimension = 0;
        ProtoReader reader = message.Again();
        while (reader.Next())
        {
            if (reader.Field != TensorField.Dims) continue;
            for (int at = 0; reader.NextVarint(ref at, out long size);)
            {
                reader.CheckSame(dimension < shape.Length);
                if (size is < 0 or > int.MaxValue)
                    throw Defect(message, content, $"has the size {size}, which is not a whole number from 0 to {int.MaxValue}");
                shape[dimension++] = (int)size;
            }
        }
        reader.CheckSame(dimension == shape.Length);
        return ImmutableCollectionsMarshal.AsImmutableArray(shape);
    }

    private static long Size(ProtoReader message, in Content content, ImmutableArray<int> shape, DataType type)
    {
        if (shape.Contains(0)) return 0;
        Int128 bytes = type.Size();
        foreach (int size in shape)
        {
            bytes *= size;
            if (bytes > long.MaxValue) throw Defect(message, content, $"of shape {FileText.Shape(shape)} overflows 64 bits");
        }
        return (long)bytes;
    }

    private static Content ReadContent(ProtoReader message)
    {
        var content = new Content();
        while (message.Next())
        {
            switch (message.Field)
            {
                case TensorField.Dims:
                    content.Rank += message.CountNumbers(WireFormat.WireType.Varint);
                    break;
                case TensorField.DataType:
                    content.ElementType = message.Int32();
                    break;
                case TensorField.Segment:
                    content.IsSegment = true;
                    break;
                case TensorField.FloatData:
                    content.AddNumbers(message, WireFormat.WireType.Fixed32);
                    break;
                case TensorField.DoubleData:
                    content.AddNumbers(message, WireFormat.WireType.Fixed64);
                    break;
                case TensorField.Int32Data or TensorField.Int64Data or TensorField.UInt64Data:
                    content.AddNumbers(message, WireFormat.WireType.Varint);
                    break;
                case TensorField.StringData:
                    content.TypedField = message.Field;
                    content.TypedCount++;
                    break;
                case TensorField.Name:
                    content.Name = message.Text();
                    break;
                case TensorField.RawData:
                    if (content.HasRaw) throw message.Damaged("has raw_data twice");
                    content.HasRaw = true;
                    content.RawStart = message.BytesStart;
                    message.ExpectBytes();
                    content.RawLength = message.BytesLength;
                    break;
                case TensorField.ExternalData:
                    content.ReadExternal(message.Message("StringStringEntryProto"));
                    break;
                case TensorField.DataLocation:
                    content.Location = message.Int32();
                    break;
            }
        }
        return content;
    }

    private static WeightsException Defect(ProtoReader message, in Content content, string what) =>
        new($"{message.Budget.Source}: damaged ONNX file: tensor {OnnxNames.Show(content.Name)} {what}.");

    /// <summary>Fields of the message, collected in one pass.</summary>
    private struct Content()
    {
        public string Name = "";
        public int Rank;
        public int ElementType;
        public bool IsSegment;
        public bool HasRaw;
        public int RawStart;
        public int RawLength;
        public int TypedField;
        public long TypedCount;
        public int PackedStart;
        public int PackedLength;
        public int Location;
        public OnnxExternalLocation External;

        public void AddNumbers(ProtoReader message, WireFormat.WireType single)
        {
            int count = message.CountNumbers(single);
            if (count == 0) return;
            if (TypedCount > 0 && TypedField != message.Field)
                throw message.Damaged($"has numbers both in field {TypedField} and in field {message.Field}");
            TypedField = message.Field;
            TypedCount += count;
            (PackedStart, PackedLength) = (message.BytesStart, message.BytesLength);
        }

        public void ReadExternal(ProtoReader entry)
        {
            string key = "", value = "";
            while (entry.Next())
            {
                if (entry.Field == EntryField.Key) key = entry.Text();
                else if (entry.Field == EntryField.Value) value = entry.Text();
            }
            switch (key)
            {
                case ExternalDataKey.Location:
                    External.Path = value;
                    break;
                case ExternalDataKey.Offset:
                    External.Offset = value;
                    break;
                case ExternalDataKey.Length:
                    External.Length = value;
                    break;
            }
        }
    }
}
