using System.Numerics;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>Each kind of arithmetic instruction against .NET's, or where the two differ, against the PTX ISA's own words.</summary>
[TestClass]
public sealed class PtxArithmeticTests
{
    private static readonly int[] Integers = [0, 1, -1, 2, 7, -7, 31, 32, 255, 65536, int.MaxValue, int.MinValue, 0x12345678];

    private static readonly float[] Floats =
        [0f, -0f, 1f, -1f, 0.1f, 3.5f, 1e-40f, 3e38f, -3e38f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];

    [TestMethod]
    public void Fma_rounds_once_and_a_product_with_a_sum_twice()
    {
        // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24, whose last term a float product loses.
        const float A = 1 + 1f / (1 << 12), C = -(1 + 1f / (1 << 11));
        Assert.AreEqual(1f / (1 << 24), Float("fma.rn.f32", A, A, C));
        Assert.AreEqual(0f, Float("add.f32", Float("mul.f32", A, A), C));
        foreach (float a in Floats)
            foreach (float b in Floats)
                foreach (float c in Floats)
                    AssertSame(MathF.FusedMultiplyAdd(a, b, c), Float("fma.rn.f32", a, b, c), $"{a} * {b} + {c}");
    }

    [TestMethod]
    public void Floats_are_added_subtracted_multiplied_and_divided()
    {
        foreach (float a in Floats)
            foreach (float b in Floats)
            {
                AssertSame(a + b, Float("add.f32", a, b), $"{a} + {b}");
                AssertSame(a - b, Float("sub.f32", a, b), $"{a} - {b}");
                AssertSame(a * b, Float("mul.f32", a, b), $"{a} * {b}");
                AssertSame(a / b, Float("div.rn.f32", a, b), $"{a} / {b}");
            }
        foreach (float a in Floats)
        {
            AssertSame(MathF.Abs(a), Float("abs.f32", a), $"|{a}|");
            AssertSame(-a, Float("neg.f32", a), $"-({a})");
            AssertSame(1 / a, Float("rcp.rn.f32", a), $"1 / {a}");
            AssertSame(MathF.Sqrt(a), Float("sqrt.rn.f32", a), $"sqrt {a}");
        }
    }

    [TestMethod]
    public void Minimum_and_maximum_prefer_numbers_to_NaN_and_know_signed_zeros()
    {
        Assert.AreEqual(1f, Float("min.f32", float.NaN, 1f));
        Assert.AreEqual(1f, Float("max.f32", 1f, float.NaN));
        AssertSame(float.NaN, Float("max.f32", float.NaN, float.NaN), "NaN");
        AssertSame(float.NaN, Float("min.NaN.f32", float.NaN, 1f), "NaN");
        AssertSame(float.NaN, Float("max.NaN.f32", 1f, float.NaN), "NaN");
        AssertSame(-0f, Float("min.f32", 0f, -0f), "min of zeros");
        AssertSame(0f, Float("max.f32", -0f, 0f), "max of zeros");
        Assert.AreEqual(-2f, Float("min.f32", 3f, -2f));
        Assert.AreEqual(3f, Float("max.f32", 3f, -2f));
        Assert.AreEqual(-1, Integer("min.s32", 1, -1));
        Assert.AreEqual(1, Integer("min.u32", 1, -1));
        Assert.AreEqual(1, Integer("max.s32", 1, -1));
        Assert.AreEqual(-1, Integer("max.u32", 1, -1));
    }

    [TestMethod]
    public void Integers_wrap_and_widen()
    {
        foreach (int a in Integers)
            foreach (int b in Integers)
            {
                string pair = $"{a}, {b}";
                long product = (long)a * b;
                ulong unsignedProduct = (ulong)(uint)a * (uint)b;
                Assert.AreEqual((int)((long)a + b), Integer("add.s32", a, b), pair);
                Assert.AreEqual((int)((long)a - b), Integer("sub.s32", a, b), pair);
                Assert.AreEqual((int)product, Integer("mul.lo.s32", a, b), pair);
                Assert.AreEqual((int)(product >> 32), Integer("mul.hi.s32", a, b), pair);
                Assert.AreEqual((int)(unsignedProduct >> 32), Integer("mul.hi.u32", a, b), pair);
                Assert.AreEqual((ulong)((BigInteger)(uint)a * (uint)b), Evaluate("mul.wide.u32", Slot(a), Slot(b)), pair);
                Assert.AreEqual((ulong)product, Evaluate("mul.wide.s32", Slot(a), Slot(b)), pair);
                Assert.AreEqual(unsignedProduct + 5, Evaluate("mad.wide.u32", Slot(a), Slot(b), 5), pair);
                Assert.AreEqual((int)(product + 9), Integer("mad.lo.s32", a, b, 9), pair);
                Assert.AreEqual((ulong)(a + (long)b), Evaluate("add.s64", (ulong)a, (ulong)b), pair);
                Assert.AreEqual((ulong)((long)a * b), Evaluate("mul.lo.s64", (ulong)a, (ulong)b), pair);
                Assert.AreEqual(a & b, Integer("and.b32", a, b), pair);
                Assert.AreEqual(a | b, Integer("or.b32", a, b), pair);
                Assert.AreEqual(a ^ b, Integer("xor.b32", a, b), pair);
                if (b == 0 || (a == int.MinValue && b == -1)) continue;
                Assert.AreEqual(a / b, Integer("div.s32", a, b), pair);
                Assert.AreEqual(a % b, Integer("rem.s32", a, b), pair);
            }
        Assert.AreEqual(int.MinValue, Integer("neg.s32", int.MinValue));
        Assert.AreEqual(~5, Integer("not.b32", 5));
        Assert.AreEqual(1ul, Evaluate("not.pred", 0));
    }

    [TestMethod]
    public void A_division_that_PTX_leaves_open_is_an_error()
    {
        foreach (string opcode in (string[])["div.s32", "rem.s32"])
        {
            Assert.ThrowsExactly<PtxException>(() => Integer(opcode, 1, 0));
            Assert.ThrowsExactly<PtxException>(() => Integer(opcode, int.MinValue, -1));
        }
    }

    [TestMethod]
    [DataRow(0, -8, -8, -8)]
    [DataRow(1, -16, -4, 0x7FFFFFFC)]
    [DataRow(31, 0, -1, 1)]
    [DataRow(32, 0, -1, 0)]
    [DataRow(33, 0, -1, 0)]
    [DataRow(-1, 0, -1, 0)]
    public void Shifts_past_the_width_shift_everything_out(int by, int left, int rightSigned, int rightUnsigned)
    {
        Assert.AreEqual(left, Integer("shl.b32", -8, by));
        Assert.AreEqual(rightSigned, Integer("shr.s32", -8, by));
        Assert.AreEqual(rightUnsigned, Integer("shr.u32", -8, by));
        Assert.AreEqual(by is 0 or 1 ? 8 >> by : 0, Integer("shr.s32", 8, by));
    }

    /// <summary>Beside a NaN ordered comparisons are false and unordered ones true; "ne" is ordered, as no operator of C# is.</summary>
    [TestMethod]
    public void Comparisons_of_floats_know_NaN()
    {
        foreach (float a in Floats)
            foreach (float b in Floats)
            {
                bool isOrdered = !float.IsNaN(a) && !float.IsNaN(b);
                (string Name, bool Holds)[] expected =
                [
                    ("eq", a == b), ("ne", a != b), ("lt", a < b), ("le", a <= b), ("gt", a > b), ("ge", a >= b),
                ];
                foreach ((string name, bool holds) in expected)
                {
                    Assert.AreEqual(isOrdered && holds, Holds($"setp.{name}.f32", a, b), $"{a} {name} {b}");
                    Assert.AreEqual(!isOrdered || holds, Holds($"setp.{name}u.f32", a, b), $"{a} {name}u {b}");
                }
                Assert.AreEqual(isOrdered, Holds("setp.num.f32", a, b), $"{a} num {b}");
                Assert.AreEqual(!isOrdered, Holds("setp.nan.f32", a, b), $"{a} nan {b}");
                Assert.AreEqual(float.IsNaN(a) ? 1ul : 0, Evaluate("testp.notanumber.f32", Slot(a)));
            }
    }

    [TestMethod]
    public void Comparisons_of_integers_know_signs()
    {
        foreach (int a in Integers)
            foreach (int b in Integers)
            {
                (string Name, bool Holds)[] expected =
                [
                    ("eq.s32", a == b), ("ne.s32", a != b), ("lt.s32", a < b), ("le.s32", a <= b), ("gt.s32", a > b), ("ge.s32", a >= b),
                    ("lo.u32", (uint)a < (uint)b), ("ls.u32", (uint)a <= (uint)b), ("hi.u32", (uint)a > (uint)b),
                    ("hs.u32", (uint)a >= (uint)b),
                    ("lt.u32", (uint)a < (uint)b), ("ge.u32", (uint)a >= (uint)b), ("lt.s64", a < b), ("gt.u64", (uint)a > (uint)b),
                ];
                foreach ((string name, bool holds) in expected)
                {
                    (ulong first, ulong second) = name.EndsWith("s64", StringComparison.Ordinal) ? ((ulong)a, (ulong)b)
                        : (Slot(a), Slot(b));
                    Assert.AreEqual(holds ? 1ul : 0, Evaluate($"setp.{name}", first, second), $"{a} {name} {b}");
                }
            }
    }

    [TestMethod]
    [DataRow(0.5f, 0, 0)]
    [DataRow(1.5f, 2, 1)]
    [DataRow(2.5f, 2, 2)]
    [DataRow(-0.5f, 0, 0)]
    [DataRow(-1.7f, -2, -1)]
    [DataRow(3e9f, int.MaxValue, int.MaxValue)]
    [DataRow(-3e9f, int.MinValue, int.MinValue)]
    [DataRow(float.NaN, 0, 0)]
    public void Floats_convert_to_the_nearest_even_or_towards_zero_and_saturate(float value, int nearest, int truncated)
    {
        Assert.AreEqual(nearest, (int)Evaluate("cvt.rni.s32.f32", Slot(value)));
        Assert.AreEqual(truncated, (int)Evaluate("cvt.rzi.s32.f32", Slot(value)));
    }

    [TestMethod]
    public void Integers_convert()
    {
        Assert.AreEqual(16777216f, Arithmetic.Float(Evaluate("cvt.rn.f32.s32", Slot(16777217))));
        Assert.AreEqual(-3f, Arithmetic.Float(Evaluate("cvt.rn.f32.s32", Slot(-3))));
        Assert.AreEqual(4294967296f, Arithmetic.Float(Evaluate("cvt.rn.f32.u32", Slot(-1))));
        Assert.AreEqual(0u, (uint)Evaluate("cvt.rzi.u32.f32", Slot(-5f)));
        Assert.AreEqual(44ul, Evaluate("cvt.u8.u32", Slot(300)));
        Assert.AreEqual(255ul, Evaluate("cvt.s32.u8", 0xFFFF));
        Assert.AreEqual(255ul, Evaluate("cvt.u32.u8", 0xFFFF));
        Assert.AreEqual(-1, (int)Evaluate("cvt.s32.s8", 0xFF));
        Assert.AreEqual(0xFFFF_FFFFul, Evaluate("cvt.u64.u32", 0x5_FFFF_FFFF));
        Assert.AreEqual(ulong.MaxValue, Evaluate("cvt.s64.s32", Slot(-1)));
        Assert.AreEqual(7ul, Evaluate("cvt.u32.u64", 0x5_0000_0007));
    }

    [TestMethod]
    public void Selection_takes_the_first_where_the_predicate_holds()
    {
        Assert.AreEqual(1, Integer("selp.b32", 1, 2, 1));
        Assert.AreEqual(2, Integer("selp.b32", 1, 2, 0));
        Assert.AreEqual(ulong.MaxValue, Evaluate("selp.b64", ulong.MaxValue, 0, 1));
        Assert.AreEqual(9ul, Evaluate("mov.b32", 0x5_0000_0009));
        Assert.AreEqual(0x5_0000_0009ul, Evaluate("mov.b64", 0x5_0000_0009));
    }

    [TestMethod]
    public void Exp2_is_as_wrong_as_the_ISA_allows_and_exact_where_it_must_be()
    {
        Assert.AreEqual(1f, Float("ex2.approx.f32", 0f));
        Assert.AreEqual(0f, Float("ex2.approx.f32", float.NegativeInfinity));
        Assert.AreEqual(float.PositiveInfinity, Float("ex2.approx.f32", float.PositiveInfinity));
        AssertSame(float.NaN, Float("ex2.approx.f32", float.NaN), "NaN");
        var random = new Random(3);
        for (int n = 0; n < 1000; n++)
        {
            float x = random.NextSingle() * 200 - 100;
            double relative = Float("ex2.approx.f32", x) / Math.Pow(2, x) - 1;
            // The error itself, and the rounding of the result.
            Assert.IsInRange(1.0 / (1 << 22) - 1.0 / (1 << 24), 1.0 / (1 << 22) + 1.0 / (1 << 24), Math.Abs(relative), $"2^{x}");
        }
    }

    private static ulong Slot(int value) => (uint)value;

    private static ulong Slot(float value) => Arithmetic.Slot(value);

    private static int Integer(string opcode, params int[] sources) => (int)Evaluate(opcode, [.. sources.Select(Slot)]);

    private static float Float(string opcode, params float[] sources) => Arithmetic.Float(Evaluate(opcode, [.. sources.Select(Slot)]));

    private static bool Holds(string opcode, float a, float b) => Evaluate(opcode, Slot(a), Slot(b)) != 0;

    private static ulong Evaluate(string opcode, params ulong[] sources)
    {
        Assert.IsTrue(Arithmetic.TryFind(opcode, out int operands, out Computation? compute), opcode);
        Assert.AreEqual(operands, sources.Length + 1, opcode);
        ulong[] r = new ulong[4];
        sources.CopyTo(r, 1);
        compute!(r, new Instruction { Opcode = opcode, Text = opcode, Line = 1, D = 0, A = 1, B = 2, C = 3 });
        return r[0];
    }

    private static void AssertSame(float expected, float actual, string message)
    {
        if (float.IsNaN(expected)) Assert.IsTrue(float.IsNaN(actual), message);
        else Assert.AreEqual(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(actual), message);
    }
}
