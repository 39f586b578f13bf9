using System.Globalization;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>Gives each register, constant and special register of a program its slot.</summary>
internal sealed class RegisterSlots
{
    private readonly Dictionary<string, int> named = [];
    private readonly Dictionary<ulong, int> constants = [];
    private readonly Dictionary<string, int> special = [];
    private readonly List<ulong> initial = [];

    public IReadOnlyDictionary<string, int> Special => special;

    /// <summary>Initial content of all slots.</summary>
    public ulong[] Initial => [.. initial];

    /// <summary><c>.reg .b32 %r&lt;4&gt;</c>: the registers %r0 to %r3.</summary>
    public void Declare(string prefix, int count)
    {
        for (int n = 0; n < count; n++) Declare($"{prefix}{n.ToString(CultureInfo.InvariantCulture)}");
    }

    /// <summary>A name of its own, such as that of an array, whose slot holds its address.</summary>
    public int Declare(string name)
    {
        int slot = Add(PtxProgram.Poison);
        if (!named.TryAdd(name, slot)) throw new PtxException($"{name} is declared twice");
        return slot;
    }

    /// <summary>A register that an instruction may write.</summary>
    public int Register(string name) =>
        name.StartsWith('%') && named.TryGetValue(name, out int slot) ? slot : throw new PtxException($"{name} is no declared register");

    /// <summary>Anything that an instruction may read.</summary>
    public int Source(string text)
    {
        if (named.TryGetValue(text, out int slot) || special.TryGetValue(text, out slot)) return slot;
        if (text.StartsWith('%') && text.Contains('.')) return special[text] = Add(PtxProgram.Poison);
        ulong value = Constant(text);
        if (!constants.TryGetValue(value, out slot)) constants[value] = slot = Add(value);
        return slot;
    }

    /// <summary>Decimal, hexadecimal, or the bits of a float as <c>0f3F800000</c>.</summary>
    private static ulong Constant(string text)
    {
        if (text.StartsWith("0f", StringComparison.OrdinalIgnoreCase) || text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            if (ulong.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong bits)) return bits;
        }
        else if (long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value))
        {
            return unchecked((ulong)value);
        }
        throw new PtxException($"{text} is neither a declared name nor a constant");
    }

    private int Add(ulong value)
    {
        initial.Add(value);
        return initial.Count - 1;
    }
}
