using System.Numerics;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// The instructions that compute, by their full names: an opcode or modifier that is not in this table is refused by the parser.
/// Semantics are those of the PTX ISA. A slot's value is what its low bits say; results of 32 bits and less are
/// zero-extended.
/// </summary>
internal static class Arithmetic
{
    private static readonly Dictionary<string, (int Operands, Computation Compute)> Table = [];

    static Arithmetic()
    {
        AddIntegers();
        AddFloats();
        AddConversions();
        AddComparisons<int>("s32", v => (int)v, isUnsigned: false);
        AddComparisons<uint>("u32", v => (uint)v, isUnsigned: true);
        AddComparisons<long>("s64", v => (long)v, isUnsigned: false);
        AddComparisons<ulong>("u64", v => v, isUnsigned: true);
        AddFloatComparisons();
        AddSelections();
    }

    /// <summary>All opcodes.</summary>
    public static IEnumerable<string> Opcodes => Table.Keys;

    /// <summary>Finds an instruction and the number of its operands, destination included.</summary>
    public static bool TryFind(string opcode, out int operands, out Computation? compute)
    {
        bool found = Table.TryGetValue(opcode, out (int Operands, Computation Compute) entry);
        (operands, compute) = entry;
        return found;
    }

    /// <summary>The float in a slot's low bits.</summary>
    public static float Float(ulong slot) => BitConverter.UInt32BitsToSingle((uint)slot);

    /// <summary>A float as a slot holds it.</summary>
    public static ulong Slot(float value) => BitConverter.SingleToUInt32Bits(value);

    private static void AddIntegers()
    {
        foreach (string type in (string[])["s32", "u32"])
        {
            Table[$"add.{type}"] = (3, (r, i) => r[i.D] = unchecked((uint)r[i.A] + (uint)r[i.B]));
            Table[$"sub.{type}"] = (3, (r, i) => r[i.D] = unchecked((uint)r[i.A] - (uint)r[i.B]));
            Table[$"mul.lo.{type}"] = (3, (r, i) => r[i.D] = unchecked((uint)r[i.A] * (uint)r[i.B]));
            Table[$"mad.lo.{type}"] = (4, (r, i) => r[i.D] = unchecked((uint)r[i.A] * (uint)r[i.B] + (uint)r[i.C]));
        }
        foreach (string type in (string[])["s64", "u64"])
        {
            Table[$"add.{type}"] = (3, (r, i) => r[i.D] = unchecked(r[i.A] + r[i.B]));
            Table[$"sub.{type}"] = (3, (r, i) => r[i.D] = unchecked(r[i.A] - r[i.B]));
            Table[$"mul.lo.{type}"] = (3, (r, i) => r[i.D] = unchecked(r[i.A] * r[i.B]));
        }
        Table["mul.wide.u32"] = (3, (r, i) => r[i.D] = (ulong)(uint)r[i.A] * (uint)r[i.B]);
        Table["mul.wide.s32"] = (3, (r, i) => r[i.D] = (ulong)((long)(int)r[i.A] * (int)r[i.B]));
        Table["mul.hi.u32"] = (3, (r, i) => r[i.D] = (ulong)(uint)r[i.A] * (uint)r[i.B] >> 32);
        Table["mul.hi.s32"] = (3, (r, i) => r[i.D] = (uint)((long)(int)r[i.A] * (int)r[i.B] >> 32));
        Table["mad.wide.u32"] = (4, (r, i) => r[i.D] = unchecked((ulong)(uint)r[i.A] * (uint)r[i.B] + r[i.C]));
        Table["div.s32"] = (3, (r, i) => r[i.D] = (uint)((int)r[i.A] / Divisor(r, i)));
        Table["rem.s32"] = (3, (r, i) => r[i.D] = (uint)((int)r[i.A] % Divisor(r, i)));
        Table["neg.s32"] = (2, (r, i) => r[i.D] = unchecked((uint)-(int)r[i.A]));
        Table["min.s32"] = (3, (r, i) => r[i.D] = (uint)Math.Min((int)r[i.A], (int)r[i.B]));
        Table["max.s32"] = (3, (r, i) => r[i.D] = (uint)Math.Max((int)r[i.A], (int)r[i.B]));
        Table["min.u32"] = (3, (r, i) => r[i.D] = Math.Min((uint)r[i.A], (uint)r[i.B]));
        Table["max.u32"] = (3, (r, i) => r[i.D] = Math.Max((uint)r[i.A], (uint)r[i.B]));
        // Unlike C#'s, a shift by the width or more shifts everything out.
        Table["shl.b32"] = (3, (r, i) => r[i.D] = (uint)r[i.B] < 32 ? (uint)r[i.A] << (int)r[i.B] : 0);
        Table["shr.u32"] = (3, (r, i) => r[i.D] = (uint)r[i.B] < 32 ? (uint)r[i.A] >> (int)r[i.B] : 0);
        Table["shr.s32"] = (3, (r, i) => r[i.D] = (uint)((int)r[i.A] >> (int)Math.Min((uint)r[i.B], 31)));
        foreach (string type in (string[])["b32", "pred"])
        {
            Table[$"and.{type}"] = (3, (r, i) => r[i.D] = (uint)r[i.A] & (uint)r[i.B]);
            Table[$"or.{type}"] = (3, (r, i) => r[i.D] = (uint)r[i.A] | (uint)r[i.B]);
            Table[$"xor.{type}"] = (3, (r, i) => r[i.D] = (uint)r[i.A] ^ (uint)r[i.B]);
        }
        Table["not.b32"] = (2, (r, i) => r[i.D] = ~(uint)r[i.A]);
        Table["not.pred"] = (2, (r, i) => r[i.D] = 1 - r[i.A]);
    }

    private static void AddFloats()
    {
        foreach (string rounding in (string[])["", ".rn"])
        {
            Table[$"add{rounding}.f32"] = (3, (r, i) => r[i.D] = Slot(Float(r[i.A]) + Float(r[i.B])));
            Table[$"sub{rounding}.f32"] = (3, (r, i) => r[i.D] = Slot(Float(r[i.A]) - Float(r[i.B])));
            Table[$"mul{rounding}.f32"] = (3, (r, i) => r[i.D] = Slot(Float(r[i.A]) * Float(r[i.B])));
        }
        Table["fma.rn.f32"] = (4, (r, i) => r[i.D] = Slot(MathF.FusedMultiplyAdd(Float(r[i.A]), Float(r[i.B]), Float(r[i.C]))));
        Table["div.rn.f32"] = (3, (r, i) => r[i.D] = Slot(Float(r[i.A]) / Float(r[i.B])));
        Table["rcp.rn.f32"] = (2, (r, i) => r[i.D] = Slot(1f / Float(r[i.A])));
        Table["sqrt.rn.f32"] = (2, (r, i) => r[i.D] = Slot(MathF.Sqrt(Float(r[i.A]))));
        Table["neg.f32"] = (2, (r, i) => r[i.D] = (uint)r[i.A] ^ 0x8000_0000);
        Table["abs.f32"] = (2, (r, i) => r[i.D] = (uint)r[i.A] & 0x7FFF_FFFF);
        // Without .NaN the number wins over the NaN, and -0 is below +0: IEEE's minimumNumber and maximumNumber.
        Table["min.f32"] = (3, (r, i) => r[i.D] = Slot(float.MinNumber(Float(r[i.A]), Float(r[i.B]))));
        Table["max.f32"] = (3, (r, i) => r[i.D] = Slot(float.MaxNumber(Float(r[i.A]), Float(r[i.B]))));
        Table["min.NaN.f32"] = (3, (r, i) => r[i.D] = Slot(MathF.Min(Float(r[i.A]), Float(r[i.B]))));
        Table["max.NaN.f32"] = (3, (r, i) => r[i.D] = Slot(MathF.Max(Float(r[i.A]), Float(r[i.B]))));
        Table["ex2.approx.f32"] = (2, (r, i) => r[i.D] = Slot(ApproximateExp2(Float(r[i.A]))));
        Table["lg2.approx.f32"] = (2, (r, i) => r[i.D] = Slot(ApproximateLog2(Float(r[i.A]))));
        Table["testp.notanumber.f32"] = (2, (r, i) => r[i.D] = float.IsNaN(Float(r[i.A])) ? 1u : 0u);
    }

    private static void AddConversions()
    {
        Table["cvt.rn.f32.s32"] = (2, (r, i) => r[i.D] = Slot((int)r[i.A]));
        Table["cvt.rn.f32.u32"] = (2, (r, i) => r[i.D] = Slot((uint)r[i.A]));
        // C#'s conversion saturates and turns NaN into 0, as cvt does.
        Table["cvt.rni.s32.f32"] = (2, (r, i) => r[i.D] = (uint)(int)MathF.Round(Float(r[i.A]), MidpointRounding.ToEven));
        Table["cvt.rzi.s32.f32"] = (2, (r, i) => r[i.D] = (uint)(int)Float(r[i.A]));
        Table["cvt.rzi.u32.f32"] = (2, (r, i) => r[i.D] = (uint)Float(r[i.A]));
        Table["cvt.s32.u8"] = (2, (r, i) => r[i.D] = (byte)r[i.A]);
        Table["cvt.u32.u8"] = (2, (r, i) => r[i.D] = (byte)r[i.A]);
        Table["cvt.s32.s8"] = (2, (r, i) => r[i.D] = (uint)(sbyte)r[i.A]);
        Table["cvt.u8.u32"] = (2, (r, i) => r[i.D] = (byte)r[i.A]);
        Table["cvt.u64.u32"] = (2, (r, i) => r[i.D] = (uint)r[i.A]);
        Table["cvt.s64.s32"] = (2, (r, i) => r[i.D] = (ulong)(int)r[i.A]);
        Table["cvt.u32.u64"] = (2, (r, i) => r[i.D] = (uint)r[i.A]);
        // One address names the same byte in the generic and in the global space.
        Table["cvta.to.global.u64"] = (2, (r, i) => r[i.D] = r[i.A]);
    }

    private static void AddSelections()
    {
        foreach (string type in (string[])["b32", "s32", "u32", "f32"])
        {
            Table[$"selp.{type}"] = (4, (r, i) => r[i.D] = (uint)(r[i.C] != 0 ? r[i.A] : r[i.B]));
            Table[$"mov.{type}"] = (2, (r, i) => r[i.D] = (uint)r[i.A]);
        }
        foreach (string type in (string[])["b64", "s64", "u64"])
        {
            Table[$"selp.{type}"] = (4, (r, i) => r[i.D] = r[i.C] != 0 ? r[i.A] : r[i.B]);
            Table[$"mov.{type}"] = (2, (r, i) => r[i.D] = r[i.A]);
        }
        Table["mov.b16"] = (2, (r, i) => r[i.D] = (ushort)r[i.A]);
        Table["mov.pred"] = (2, (r, i) => r[i.D] = r[i.A]);
    }

    private static void AddComparisons<T>(string type, Func<ulong, T> value, bool isUnsigned)
        where T : INumber<T>
    {
        AddComparison("eq", type, value, (a, b) => a == b);
        // Of floats this is the ordered "ne", false beside a NaN; C#'s operator would be true.
        AddComparison("ne", type, value, (a, b) => a < b || a > b);
        AddComparison("lt", type, value, (a, b) => a < b);
        AddComparison("le", type, value, (a, b) => a <= b);
        AddComparison("gt", type, value, (a, b) => a > b);
        AddComparison("ge", type, value, (a, b) => a >= b);
        if (!isUnsigned) return;
        AddComparison("lo", type, value, (a, b) => a < b);
        AddComparison("ls", type, value, (a, b) => a <= b);
        AddComparison("hi", type, value, (a, b) => a > b);
        AddComparison("hs", type, value, (a, b) => a >= b);
    }

    private static void AddFloatComparisons()
    {
        AddComparisons("f32", Float, isUnsigned: false);
        // The unordered ones are true beside a NaN: each denies the ordered opposite.
        AddComparison("equ", "f32", Float, (a, b) => !(a < b || a > b));
        AddComparison("neu", "f32", Float, (a, b) => !(a == b));
        AddComparison("ltu", "f32", Float, (a, b) => !(a >= b));
        AddComparison("leu", "f32", Float, (a, b) => !(a > b));
        AddComparison("gtu", "f32", Float, (a, b) => !(a <= b));
        AddComparison("geu", "f32", Float, (a, b) => !(a < b));
        AddComparison("num", "f32", Float, (a, b) => !float.IsNaN(a) && !float.IsNaN(b));
        AddComparison("nan", "f32", Float, (a, b) => float.IsNaN(a) || float.IsNaN(b));
    }

    private static void AddComparison<T>(string comparison, string type, Func<ulong, T> value, Func<T, T, bool> holds) =>
        Table[$"setp.{comparison}.{type}"] = (3, (r, i) => r[i.D] = holds(value(r[i.A]), value(r[i.B])) ? 1u : 0u);

    /// <summary>PTX leaves the quotient by zero open, and the overflowing one: a kernel that meets either is wrong.</summary>
    private static int Divisor(ulong[] r, Instruction i)
    {
        int divisor = (int)r[i.B];
        if (divisor == 0 || (divisor == -1 && (int)r[i.A] == int.MinValue))
            throw new PtxException($"{(int)r[i.A]} divided by {divisor}, {i}");
        return divisor;
    }

    /// <summary>2^x, as far off as the ISA allows (2^-22 relative), up or down by the input's last bit; exact where it says so.</summary>
    private static float ApproximateExp2(float x)
    {
        if (x == 0 || !float.IsFinite(x)) return MathF.Pow(2, x);
        double error = (BitConverter.SingleToUInt32Bits(x) & 1) == 0 ? 1.0 / (1 << 22) : -1.0 / (1 << 22);
        return (float)(Math.Pow(2, x) * (1 + error));
    }

    /// <summary>log2(x), as far off as the ISA allows, 2^-22 from 1/2 to 2, elsewhere relative; up or down by the last bit.</summary>
    private static float ApproximateLog2(float x)
    {
        const float Half = 0.5f, Two = 2;
        if (x == 1 || !(x > 0) || !float.IsFinite(x)) return MathF.Log2(x);
        double error = (BitConverter.SingleToUInt32Bits(x) & 1) == 0 ? 1.0 / (1 << 22) : -1.0 / (1 << 22), exact = Math.Log2(x);
        return (float)(x is > Half and < Two ? exact + error : exact * (1 + error));
    }
}
