using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;
using Google.Protobuf;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Reads the fields of one protobuf message in a file, one after the other (https://protobuf.dev/programming-guides/encoding).
/// <see cref="CodedInputStream"/> would copy them; here each field has a known offset in the file, where weights stay unread. Texts are
/// charged to the budget before they are made.
/// </summary>
internal ref struct ProtoReader
{
    private const int LongestVarint = 10;

    // Object header, length and terminator of a string, in bytes, rounded up.
    private const int BytesPerText = 32;

    private readonly FileWindow window;
    private readonly int length;
    private readonly string name;
    private int position;
    private int value;

    /// <summary>Starts before the first field.</summary>
    /// <param name="window">The file.</param>
    /// <param name="start">Offset of the message in the file, in bytes.</param>
    /// <param name="length">Its number of bytes.</param>
    /// <param name="name">Its name in onnx.proto3, for messages.</param>
    /// <param name="budget">Budget of the memory that may be allocated.</param>
    public ProtoReader(FileWindow window, int start, int length, string name, ReadBudget budget)
    {
        this.window = window;
        this.length = length;
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
    public readonly ProtoReader Again() => new(window, Start, length, name, Budget);

    /// <summary>Advances to the next field, which lies wholly inside the message; returns false at the end of the message.</summary>
    public bool Next()
    {
        if (position == length) return false;
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
                ulong count = Varint(ref position);
                value = position;
                Advance(count);
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
        return BinaryPrimitives.ReadSingleLittleEndian(window.Bytes(BytesStart, sizeof(float)));
    }

    /// <summary>Offset of the current field's content in the file, in bytes.</summary>
    public readonly int BytesStart => Start + value;

    /// <summary>Number of bytes of the current field's content: all of the numbers in its current part, or a text or message.</summary>
    public readonly int BytesLength => position - value;

    /// <summary>Throws unless the current field's content is bytes with a length: a text, a message, raw data or packed numbers.</summary>
    public readonly void ExpectBytes() => Expect(WireFormat.WireType.LengthDelimited);

    /// <summary>The current field as text.</summary>
    public readonly string Text()
    {
        ExpectBytes();
        if (BytesLength == 0) return "";
        Budget.Charge(BytesPerText + sizeof(char) * (long)BytesLength);
        ReadOnlySpan<byte> text = window.Bytes(BytesStart, BytesLength);
        return Utf8.IsValid(text)
            ? Encoding.UTF8.GetString(text)
            : throw Damaged($"has a text in field {Field} that is not valid UTF-8");
    }

    /// <summary>The current field as a message.</summary>
    public readonly ProtoReader Message(string messageName)
    {
        ExpectBytes();
        return new ProtoReader(window, BytesStart, BytesLength, messageName, Budget);
    }

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
        ExpectBytes();
        if (single == WireFormat.WireType.Varint) return CountVarints();
        int size = single == WireFormat.WireType.Fixed32 ? sizeof(uint) : sizeof(ulong);
        if (BytesLength % size != 0)
            throw Damaged($"has {BytesLength} bytes in field {Field}, which are no whole numbers of {size} bytes");
        return BytesLength / size;
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

    /// <summary>Copies the current field's numbers of fixed size, little-endian, packed or single, to the start of a list.</summary>
    /// <returns>The rest of the list.</returns>
    public readonly Span<byte> CopyNumbers(Span<byte> list)
    {
        CheckSame(BytesLength <= list.Length);
        window.CopyTo(BytesStart, list[..BytesLength]);
        return list[BytesLength..];
    }

    /// <summary>
    /// Throws unless a message that is read for the second time, after its items were counted, is what it was: another program may write
    /// to the file meanwhile.
    /// </summary>
    public readonly void CheckSame(bool isSame)
    {
        if (!isSame) throw window.Changed();
    }

    /// <summary>An error that names this message, its offset and its defect.</summary>
    public readonly WeightsException Damaged(string what) =>
        new($"{Budget.Source}: damaged ONNX file: its {name} at byte {Start} {what}; the file may be cut off or of another format.");

    private readonly void Expect(WireFormat.WireType type)
    {
        if (WireType != type) throw Damaged($"has field {Field} of wire type {(int)WireType} in place of {(int)type}");
    }

    private readonly int CountVarints()
    {
        int count = 0;
        byte last = 0;
        for (int done = 0; done < BytesLength;)
        {
            ReadOnlySpan<byte> part = window.Bytes(BytesStart + done, Math.Min(BytesLength - done, FileWindow.UsualLength));
            foreach (byte digit in part) count += (digit >> 7) ^ 1;
            last = part[^1];
            done += part.Length;
        }
        return last < 0x80 ? count : throw Damaged($"has numbers in field {Field} that are cut off");
    }

    private void Advance(ulong count)
    {
        if (count > (ulong)(length - position))
            throw Damaged($"has field {Field} of {count} bytes, but only {length - position} follow");
        position += (int)count;
    }

    private readonly ulong Varint(ref int at)
    {
        ulong number = 0;
        for (int i = 0; i < LongestVarint; i++)
        {
            if (at == length) throw Damaged("ends inside a number");
            byte part = window[Start + at++];
            number |= (ulong)(part & 0x7F) << (7 * i);
            if (part < 0x80) return number;
        }
        throw Damaged("has a number of more than 10 bytes");
    }
}
