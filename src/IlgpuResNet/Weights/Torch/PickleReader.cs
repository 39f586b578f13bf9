using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Unicode;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Interprets Python's pickle language, protocols 2 to 5 (https://docs.python.org/3/library/pickletools.html). Names outside
/// <see cref="TorchGlobals"/> are kept as names, and calls of them as <see cref="PickleObject"/>; opcodes outside this file are refused.
/// Nothing is ever executed, and no recursion depends on the input.
/// </summary>
internal ref partial struct PickleReader
{
    private const int HighestProtocol = 5;
    private const int MostOpcodes = 20_000_000;

    // Upper estimates of memory in bytes, for the budget.
    private const int CostOfOpcode = 32;
    private const int CostOfContainer = 64;
    private const int CostOfItem = 48;
    private const int CostOfMemo = 128;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly FileWindow window;
    private readonly long start;
    private readonly int length;
    private readonly ReadBudget budget;
    private readonly TorchObjects objects;
    private readonly List<PickleValue> stack = [];
    private readonly Stack<int> marks = new();
    private readonly Dictionary<uint, PickleValue> memo = [];

    /// <summary>Makes a reader of one pickle.</summary>
    /// <param name="window">The file.</param>
    /// <param name="start">Offset of the pickle in the file, in bytes.</param>
    /// <param name="length">Number of bytes that start with the pickle; more may follow it.</param>
    /// <param name="budget">Memory that may be allocated.</param>
    /// <param name="objects">Performs the calls that the pickle may make.</param>
    public PickleReader(FileWindow window, long start, int length, ReadBudget budget, TorchObjects objects)
    {
        this.window = window;
        this.start = start;
        this.length = length;
        this.budget = budget;
        this.objects = objects;
    }

    /// <summary>Bytes read so far; after <see cref="Read"/>, the length of the pickle.</summary>
    public int Position { get; private set; }

    /// <summary>Reads the pickle to its end and returns its value.</summary>
    /// <exception cref="WeightsException">The pickle is damaged, too large, or asks for something outside the allow-list.</exception>
    public PickleValue Read()
    {
        for (int count = 0; count < MostOpcodes; count++)
        {
            budget.Charge(CostOfOpcode);
            var code = (PickleOpcode)NextByte();
            if (code == PickleOpcode.Stop) return Pop();
            Step(code);
        }
        throw Damaged($"more than {MostOpcodes} steps");
    }

    private void Step(PickleOpcode code)
    {
        switch (code)
        {
            case PickleOpcode.Proto:
                if (NextByte() is var protocol and > HighestProtocol) throw Damaged($"unknown protocol {protocol}");
                break;
            case PickleOpcode.Frame:
                Skip(sizeof(ulong));
                break;
            case PickleOpcode.Mark:
                marks.Push(stack.Count);
                break;
            case PickleOpcode.Pop:
                PopAny();
                break;
            case PickleOpcode.PopMark:
                PopToMark();
                break;
            case PickleOpcode.Dup:
                stack.Add(Peek());
                break;
            case PickleOpcode.None:
                stack.Add(PickleNone.Instance);
                break;
            case PickleOpcode.NewTrue:
                stack.Add(PickleBool.True);
                break;
            case PickleOpcode.NewFalse:
                stack.Add(PickleBool.False);
                break;
            case PickleOpcode.BinInt:
                stack.Add(new PickleInteger(BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int)))));
                break;
            case PickleOpcode.BinInt1:
                stack.Add(new PickleInteger(NextByte()));
                break;
            case PickleOpcode.BinInt2:
                stack.Add(new PickleInteger(BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)))));
                break;
            case PickleOpcode.Long1:
                PushInteger(Take(NextByte()));
                break;
            case PickleOpcode.Long4:
                PushInteger(Take(NextLength(sizeof(int))));
                break;
            case PickleOpcode.BinFloat:
                stack.Add(new PickleFloat(BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double)))));
                break;
            case PickleOpcode.ShortBinString:
                PushString(Take(NextByte()));
                break;
            case PickleOpcode.BinString:
                PushString(Take(NextLength(sizeof(int))));
                break;
            case PickleOpcode.ShortBinUnicode:
                stack.Add(new PickleText(Text(Take(NextByte()))));
                break;
            case PickleOpcode.BinUnicode:
                stack.Add(new PickleText(Text(Take(NextLength(sizeof(int))))));
                break;
            case PickleOpcode.BinUnicode8:
                stack.Add(new PickleText(Text(Take(NextLength(sizeof(long))))));
                break;
            case PickleOpcode.ShortBinBytes:
                PushBytes(NextByte());
                break;
            case PickleOpcode.BinBytes:
                PushBytes(NextLength(sizeof(int)));
                break;
            case PickleOpcode.BinBytes8 or PickleOpcode.ByteArray8:
                PushBytes(NextLength(sizeof(long)));
                break;
            default:
                StepContainer(code);
                break;
        }
    }

    private void StepContainer(PickleOpcode code)
    {
        switch (code)
        {
            case PickleOpcode.EmptyList:
                budget.Charge(CostOfContainer);
                stack.Add(new PickleList());
                break;
            case PickleOpcode.EmptyDict:
                budget.Charge(CostOfContainer);
                stack.Add(new PickleDict());
                break;
            case PickleOpcode.EmptySet:
                stack.Add(PickleOther.Instance);
                break;
            case PickleOpcode.AddItems or PickleOpcode.FrozenSet:
                PopToMark();
                if (code is PickleOpcode.FrozenSet) stack.Add(PickleOther.Instance);
                break;
            case PickleOpcode.EmptyTuple:
                stack.Add(PickleTuple.Empty);
                break;
            case PickleOpcode.Tuple1:
                stack.Add(new PickleTuple(PopMany(1)));
                break;
            case PickleOpcode.Tuple2:
                stack.Add(new PickleTuple(PopMany(2)));
                break;
            case PickleOpcode.Tuple3:
                stack.Add(new PickleTuple(PopMany(3)));
                break;
            case PickleOpcode.Tuple:
                stack.Add(new PickleTuple(PopToMark()));
                break;
            case PickleOpcode.Append:
                Append(PopMany(1));
                break;
            case PickleOpcode.Appends:
                Append(PopToMark());
                break;
            case PickleOpcode.SetItem:
                SetItems(PopMany(2));
                break;
            case PickleOpcode.SetItems:
                SetItems(PopToMark());
                break;
            case PickleOpcode.BinPut:
                Remember(NextByte());
                break;
            case PickleOpcode.LongBinPut:
                Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))));
                break;
            case PickleOpcode.Memoize:
                Remember((uint)memo.Count);
                break;
            case PickleOpcode.BinGet:
                Recall(NextByte());
                break;
            case PickleOpcode.LongBinGet:
                Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint))));
                break;
            default:
                StepObject(code);
                break;
        }
    }

    private readonly void Append(PickleValue[] items)
    {
        // Items of an object that is a list have no use here.
        if (Peek() is PickleObject) return;
        if (Peek() is not PickleList list) throw Damaged("items are appended to something that is not a list");
        list.Items.AddRange(items);
    }

    private readonly void SetItems(PickleValue[] items)
    {
        if (Peek() is PickleObject { Items: null } mapping)
        {
            budget.Charge(CostOfContainer);
            mapping.Items = new PickleDict();
        }
        PickleDict? dict = Peek() as PickleDict ?? (Peek() as PickleObject)?.Items;
        if (dict is null) throw Damaged("items are set on something that is not a dict");
        if (items.Length % 2 != 0) throw Damaged("a dict has a key without a value");
        for (int i = 0; i < items.Length; i += 2) dict.Items.Add(new(items[i], items[i + 1]));
    }

    private readonly void Remember(uint index)
    {
        budget.Charge(CostOfMemo);
        memo[index] = Peek();
    }

    private readonly void Recall(uint index)
    {
        if (!memo.TryGetValue(index, out PickleValue? value)) throw Damaged($"value {index} is used before it is stored");
        stack.Add(value);
    }

    private readonly PickleValue Peek() => stack.Count > Floor() ? stack[^1] : throw Damaged("the stack is empty");

    private readonly PickleValue Pop()
    {
        PickleValue value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    /// <summary>Pops a value or, as Python's POP does, a mark that lies on top.</summary>
    private readonly void PopAny()
    {
        if (marks.Count > 0 && marks.Peek() == stack.Count) marks.Pop();
        else Pop();
    }

    private readonly PickleValue[] PopMany(int count)
    {
        if (stack.Count - Floor() < count) throw Damaged("the stack is empty");
        return PopFrom(stack.Count - count);
    }

    private readonly PickleValue[] PopToMark() => marks.TryPop(out int mark) ? PopFrom(mark) : throw Damaged("a mark is missing");

    private readonly PickleValue[] PopFrom(int start)
    {
        budget.Charge(CostOfContainer + (long)CostOfItem * (stack.Count - start));
        PickleValue[] items = new PickleValue[stack.Count - start];
        stack.CopyTo(start, items, 0, items.Length);
        stack.RemoveRange(start, items.Length);
        return items;
    }

    private readonly int Floor() => marks.TryPeek(out int mark) ? mark : 0;

    private readonly void PushInteger(ReadOnlySpan<byte> digits)
    {
        budget.Charge(CostOfContainer + digits.Length);
        var value = new BigInteger(digits);
        stack.Add(value >= long.MinValue && value <= long.MaxValue ? new PickleInteger((long)value) : PickleOther.Instance);
    }

    /// <summary>Pushes a string of Python 2, which is a text or bytes.</summary>
    private readonly void PushString(ReadOnlySpan<byte> content) =>
        stack.Add(Utf8.IsValid(content) ? new PickleText(Text(content)) : PickleOther.Instance);

    private void PushBytes(int count)
    {
        Skip(count);
        stack.Add(PickleOther.Instance);
    }

    private readonly string Text(ReadOnlySpan<byte> utf8)
    {
        budget.Charge(CostOfContainer + 2L * utf8.Length);
        try
        {
            return StrictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException)
        {
            throw Damaged("a text is not valid UTF-8");
        }
    }

    private string Line()
    {
        int count = 0;
        for (int found = -1; found < 0;)
        {
            ReadOnlySpan<byte> part = window.Bytes(start + Position + count, Math.Min(Left - count, FileWindow.UsualLength));
            if (part.IsEmpty) throw Damaged("it ends inside a name");
            found = part.IndexOf((byte)'\n');
            count += found < 0 ? part.Length : found;
        }
        string line = Text(Take(count));
        Position++;
        return line;
    }

    private byte NextByte() => Take(1)[0];

    /// <summary>Reads a length of 4 or 8 bytes, and refuses one beyond the end of the pickle.</summary>
    private int NextLength(int size)
    {
        ReadOnlySpan<byte> field = Take(size);
        ulong count = size == sizeof(int)
            ? BinaryPrimitives.ReadUInt32LittleEndian(field)
            : BinaryPrimitives.ReadUInt64LittleEndian(field);
        return count <= (ulong)Left ? (int)count : throw Damaged("it ends inside a value");
    }

    /// <summary>The next bytes, valid until more are taken.</summary>
    private ReadOnlySpan<byte> Take(int count)
    {
        long at = start + Position;
        Skip(count);
        return window.Bytes(at, count);
    }

    private void Skip(int count)
    {
        if (count > Left) throw Damaged("it ends inside a value");
        Position += count;
    }

    private readonly int Left => length - Position;

    private readonly WeightsException Damaged(string what) =>
        new($"{budget.Source}: damaged .pth file: {what} (byte {Position} of a pickle).");
}
