using System.Buffers.Binary;
using Google.Protobuf;

namespace IlgpuResNet.Tests;

/// <summary>
/// A protobuf message taken apart, so that one field deep inside can be changed while all lengths around it stay right. What could be
/// a message inside is taken for one.
/// </summary>
internal sealed class ProtoMutation
{
    private const int Deepest = 8;
    private const int HighestField = 26;

    private readonly List<Field> fields = [];

    /// <summary>One change of one field, anywhere in the message.</summary>
    /// <param name="random">Decides.</param>
    /// <param name="content">The message.</param>
    /// <param name="donor">Another message, to take a field of.</param>
    public static byte[] Mutate(Random random, byte[] content, byte[] donor)
    {
        if (TryParse(content, 0) is not { } message || TryParse(donor, 0) is not { } other) return Mutation.Bytes(random, content, donor);
        List<(ProtoMutation Parent, int Index)> places = [.. message.Places()];
        if (places.Count == 0) return Mutation.Bytes(random, content, donor);
        (ProtoMutation parent, int index) = places[random.Next(places.Count)];
        List<(ProtoMutation Parent, int Index)> donors = [.. other.Places()];
        Change(random, parent.fields, index, donors.Count == 0 ? null : donors[random.Next(donors.Count)]);
        return message.Encode();
    }

    private static void Change(Random random, List<Field> fields, int index, (ProtoMutation Parent, int Index)? donor)
    {
        Field field = fields[index];
        switch (random.Next(9))
        {
            case 0:
                fields.RemoveAt(index);
                break;
            case 1:
                fields.InsertRange(index, Enumerable.Repeat(field, 1 << random.Next(8)));
                break;
            case 2:
                int other = random.Next(fields.Count);
                (fields[index], fields[other]) = (fields[other], fields[index]);
                break;
            case 3:
                // Values swap, numbers stay: two sizes, a type and a size, a name and a content.
                Field with = fields[random.Next(fields.Count)];
                (fields[index], fields[fields.IndexOf(with)]) = (with with { Number = field.Number }, field with { Number = with.Number });
                break;
            case 4:
                fields[index] = field with { Number = random.Next(1, HighestField + 1) };
                break;
            case 5:
                fields[index] = field with { Claimed = (ulong)Mutation.Number(random) };
                break;
            case 6 when donor is { } place:
                fields[index] = place.Parent.fields[place.Index];
                break;
            case 7 when donor is { } place:
                fields.Insert(index, place.Parent.fields[place.Index]);
                break;
            default:
                fields[index] = field.Type == WireFormat.WireType.LengthDelimited
                    ? field with { Content = Mutation.Bytes(random, field.Encoded(), [0xFF, .. field.Encoded()]), Inside = null }
                    : field with { Value = (ulong)Mutation.Number(random) };
                break;
        }
    }

    private IEnumerable<(ProtoMutation Parent, int Index)> Places()
    {
        for (int i = 0; i < fields.Count; i++)
        {
            yield return (this, i);
            if (fields[i].Inside is not { } inside) continue;
            foreach ((ProtoMutation Parent, int Index) place in inside.Places()) yield return place;
        }
    }

    private byte[] Encode()
    {
        using var stream = new MemoryStream();
        foreach (Field field in fields)
        {
            stream.Write(Mutation.Varint((ulong)field.Number << 3 | (uint)field.Type));
            byte[] content = field.Encoded();
            if (field.Type == WireFormat.WireType.LengthDelimited) stream.Write(Mutation.Varint(field.Claimed ?? (ulong)content.Length));
            stream.Write(content);
        }
        return stream.ToArray();
    }

    private static ProtoMutation? TryParse(ReadOnlySpan<byte> content, int depth)
    {
        var message = new ProtoMutation();
        while (content.Length > 0)
        {
            if (!TryVarint(ref content, out ulong tag)) return null;
            var type = (WireFormat.WireType)(tag & 7);
            if (tag >> 3 is 0 or > HighestField) return null;
            var field = new Field((int)(tag >> 3), type, 0, [], null, null);
            int length;
            switch (type)
            {
                case WireFormat.WireType.Varint:
                    if (!TryVarint(ref content, out ulong value)) return null;
                    message.fields.Add(field with { Value = value });
                    continue;
                case WireFormat.WireType.LengthDelimited:
                    if (!TryVarint(ref content, out ulong claimed) || claimed > (ulong)content.Length) return null;
                    length = (int)claimed;
                    break;
                case WireFormat.WireType.Fixed32 or WireFormat.WireType.Fixed64:
                    length = type == WireFormat.WireType.Fixed32 ? sizeof(uint) : sizeof(ulong);
                    if (length > content.Length) return null;
                    break;
                default:
                    return null;
            }
            ReadOnlySpan<byte> inside = content[..length];
            bool mayBeMessage = type == WireFormat.WireType.LengthDelimited && length > 0 && depth < Deepest;
            message.fields.Add(field with { Content = [.. inside], Inside = mayBeMessage ? TryParse(inside, depth + 1) : null });
            content = content[length..];
        }
        return message;
    }

    private static bool TryVarint(ref ReadOnlySpan<byte> content, out ulong number)
    {
        number = 0;
        for (int i = 0; i < Math.Min(content.Length, 10); i++)
        {
            number |= (ulong)(content[i] & 0x7F) << (7 * i);
            if (content[i] >= 0x80) continue;
            content = content[(i + 1)..];
            return true;
        }
        return false;
    }

    /// <summary>One field; a changed value of fixed size is cut to it.</summary>
    private sealed record Field(int Number, WireFormat.WireType Type, ulong Value, byte[] Content, ProtoMutation? Inside, ulong? Claimed)
    {
        public byte[] Encoded()
        {
            if (Type == WireFormat.WireType.Varint) return Mutation.Varint(Value);
            if (Type == WireFormat.WireType.LengthDelimited) return Inside?.Encode() ?? Content;
            if (Value == 0) return Content;
            byte[] fixedSize = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(fixedSize, Value);
            return fixedSize[..Content.Length];
        }
    }
}
