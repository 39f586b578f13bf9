using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Google.Protobuf;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Reads the fields of one protobuf message in memory, one after the other (https://protobuf.dev/programming-guides/encoding).
/// <see cref="CodedInputStream"/> would copy them; here each field is a span with a known offset in the mapped file, where weights stay.
/// Texts are charged to the budget before they are made.
/// </summary>
internal ref struct ProtoReader
{
    private const int LongestVarint = 10;

    // Object header, length and terminator of a string, in bytes, rounded up.
    private const int BytesPerText = 32;

    private readonly ReadOnlySpan<byte> message;
    private readonly string name;
    private int position;
    private int value;

    /// <summary>Starts before the first field.</summary>
    /// <param name="message">The message.</param>
    /// <param name="start">Its offset in the file.</param>
    /// <param name="name">Its name in onnx.proto3, for messages.</param>
    /// <param name="budget">Budget of the memory that may be allocated.</param>
    public ProtoReader(ReadOnlySpan<byte> message, int start, string name, ReadBudget budget)
    {
        this.message = message;
        this.name = name;
        Start = start;
        Budget = budget;
    }

    /// <summary>Offset of the message in the file, in bytes.</summary>
    public int Start { get; }

    /// <summary>Budget of the memory that may be allocated.</summary>
    public ReadBudget Budget { get; }

    /// <summary>Number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Encoding of the current field.</summary>
    public WireFormat.WireType WireType { get; private set; }

    /// <summary>A reader of this message that starts before the first field.</summary>
    public readonly ProtoReader Again() => new(message, Start, name, Budget);

    /// <summary>Advances to the next field, which lies wholly inside the message; returns false at the end of the message.</summary>
    public bool Next()
    {
        if (position == message.Length) return false;
        ulong tag = Varint(ref position);
        if (tag > uint.MaxValue) throw Damaged("has a field number beyond the format's");
        Field = WireFormat.GetTagFieldNumber((uint)tag);
        WireType = WireFormat.GetTagWireType((uint)tag);
        if (Field == 0) throw Damaged("has a field with number 0");
        value = position;
        switch (WireType)
        {
            case WireFormat.WireType.Varint:
                Varint(ref position);
                break;
            case WireFormat.WireType.Fixed32:
                Advance(sizeof(uint));
                break;
            case WireFormat.WireType.Fixed64:
                Advance(sizeof(ulong));
                break;
            case WireFormat.WireType.LengthDelimited:
                ulong length = Varint(ref position);
                value = position;
                Advance(length);
                break;
            default:
                throw Damaged($"has field {Field} of wire type {(int)WireType}, which ONNX does not have");
        }
        return true;
    }

    /// <summary>The current field as an integer.</summary>
    public readonly long Int64()
    {
        Expect(WireFormat.WireType.Varint);
        int at = value;
        return (long)Varint(ref at);
    }

    /// <summary>The current field as a 32-bit integer or enumeration; higher bits are cut off, as protobuf requires.</summary>
    public readonly int Int32() => (int)Int64();

    /// <summary>The current field as a float32.</summary>
    public readonly float Float()
    {
        Expect(WireFormat.WireType.Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(message[value..]);
    }

    /// <summary>The current field's content.</summary>
    public readonly ReadOnlySpan<byte> Bytes()
    {
        Expect(WireFormat.WireType.LengthDelimited);
        return message[value..position];
    }

    /// <summary>Offset of the current field's content in the file, in bytes.</summary>
    public readonly int BytesStart => Start + value;

    /// <summary>The current field as text.</summary>
    public readonly string Text()
    {
        ReadOnlySpan<byte> text = Bytes();
        if (text.IsEmpty) return "";
        if (!Utf8.IsValid(text)) throw Damaged($"has a text in field {Field} that is not valid UTF-8");
        Budget.Charge(BytesPerText + sizeof(char) * (long)text.Length);
        return Encoding.UTF8.GetString(text);
    }

    /// <summary>The current field as a message.</summary>
    public readonly ProtoReader Message(string messageName) => new(Bytes(), BytesStart, messageName, Budget);

    /// <summary>Number of times that a field occurs in the message.</summary>
    public readonly int Count(int field)
    {
        int count = 0;
        ProtoReader reader = Again();
        while (reader.Next())
            if (reader.Field == field) count++;
        return count;
    }

    /// <summary>Count of the numbers in the current part of a repeated field, packed or single.</summary>
    /// <param name="single">Encoding of a single number.</param>
    public readonly int CountNumbers(WireFormat.WireType single)
    {
        if (WireType == single) return 1;
        ReadOnlySpan<byte> packed = Bytes();
        if (single == WireFormat.WireType.Varint)
        {
            if (packed.IsEmpty) return 0;
            if (packed[^1] >= 0x80) throw Damaged($"has numbers in field {Field} that are cut off");
            int count = 0;
            foreach (byte part in packed) count += (part >> 7) ^ 1;
            return count;
        }
        int size = single == WireFormat.WireType.Fixed32 ? sizeof(uint) : sizeof(ulong);
        if (packed.Length % size != 0)
            throw Damaged($"has {packed.Length} bytes in field {Field}, which are no whole numbers of {size} bytes");
        return packed.Length / size;
    }

    /// <summary>The next varint of a repeated field, packed or single.</summary>
    /// <param name="at">Number of bytes of the field that were read before; 0 at first.</param>
    /// <param name="number">The number.</param>
    /// <returns>False after the last one.</returns>
    public readonly bool NextVarint(ref int at, out long number)
    {
        int from = value + at;
        number = 0;
        if (from == position) return false;
        number = (long)Varint(ref from);
        at = from - value;
        return true;
    }

    /// <summary>The current field's numbers of fixed size, little-endian, packed or single.</summary>
    public readonly ReadOnlySpan<byte> FixedNumbers() => message[value..position];

    /// <summary>An error that names this message, its offset and its defect.</summary>
    public readonly WeightsException Damaged(string what) =>
        new($"{Budget.Source}: damaged ONNX file: its {name} at byte {Start} {what}; the file may be cut off or of another format.");

    private readonly void Expect(WireFormat.WireType type)
    {
        if (WireType != type) throw Damaged($"has field {Field} of wire type {(int)WireType} in place of {(int)type}");
    }

    private void Advance(ulong length)
    {
        if (length > (ulong)(message.Length - position))
            throw Damaged($"has field {Field} of {length} bytes, but only {message.Length - position} follow");
        position += (int)length;
    }

    private readonly ulong Varint(ref int at)
    {
        ulong number = 0;
        for (int i = 0; i < LongestVarint; i++)
        {
            if (at == message.Length) throw Damaged("ends inside a number");
            byte part = message[at++];
            number |= (ulong)(part & 0x7F) << (7 * i);
            if (part < 0x80) return number;
        }
        throw Damaged("has a number of more than 10 bytes");
    }
}
