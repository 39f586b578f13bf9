using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>Every computing instruction gives a warp the bits that it gives each thread, with and without idle lanes.</summary>
[TestClass]
public sealed class WarpArithmeticTests
{
    private const int Seed = 20_261_201, Ctas = 16, Threads = 64;

    /// <summary>Values of 64 bits that a thread has: three sources and what it stores.</summary>
    private const int Values = 4;

    private static readonly ulong[] Special =
    [
        0, 1, 2, 7, 31, 32, 33, 255, 65_536, int.MaxValue, 0x8000_0000, uint.MaxValue, 0xFFFF_FFFF_0000_0001, ulong.MaxValue, 1UL << 63,
        Arithmetic.Slot(1), Arithmetic.Slot(-0.1f), Arithmetic.Slot(3e38f), Arithmetic.Slot(1e-40f), Arithmetic.Slot(float.NaN),
        Arithmetic.Slot(float.PositiveInfinity), Arithmetic.Slot(float.NegativeInfinity),
    ];

    public static IEnumerable<object[]> Opcodes => Arithmetic.Opcodes.Order().Select(opcode => new object[] { opcode });

    [TestMethod]
    [DynamicData(nameof(Opcodes))]
    public void Warps_compute_as_the_interpreter(string opcode)
    {
        var random = new Random(Seed);
        byte[] input = new byte[Ctas * Threads * Values * sizeof(ulong)];
        for (int at = 0; at < input.Length; at += sizeof(ulong))
        {
            ulong value = random.Next(2) == 0 ? Special[random.Next(Special.Length)]
                : (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            // A quotient by zero, and one that overflows, is an error of the kernel.
            if (opcode.StartsWith("div.s", StringComparison.Ordinal) || opcode.StartsWith("rem.s", StringComparison.Ordinal))
                value = value % 1000 + 1;
            // Which of two NaNs a result is, PTX leaves open.
            if (opcode.EndsWith("f32", StringComparison.Ordinal) && float.IsNaN(Arithmetic.Float(value)))
                value = Arithmetic.Slot(float.NaN);
            BitConverter.TryWriteBytes(input.AsSpan(at), value);
        }
        PtxProgram program = PtxParser.Parse(Kernel(opcode));
        byte[] expected = Run(program, input, launch => launch.Run(Scheduler.InOrder())), actual = Run(program, input, WarpEngine.Run);
        CollectionAssert.AreNotEqual(input, expected);
        CollectionAssert.AreEqual(expected, actual, $"seed {Seed}");
    }

    /// <summary>Applies the instruction once to all threads and once to those whose number has bit 0 or bit 3 set.</summary>
    private static string Kernel(string opcode)
    {
        Assert.IsTrue(Arithmetic.TryFind(opcode, out int operands, out _));
        OperandWidths widths = OperandWidths.Of(opcode);
        string[] names = [Name(widths.D, 1), Name(widths.A, 2), Name(widths.B, 3), Name(widths.C, 4)];
        string apply = $"{opcode} {string.Join(", ", names.Take(operands))};";
        return $$"""
            .visible .entry Apply(
                .param .b64 _data
            )
            {
                .reg .pred %p<1>;
                .reg .f32 %f<1>;
                .reg .b32 %r<8>;
                .reg .b64 %rd<8>;
                ld.param.b64 %rd0, [_data];
                mov.u32 %r0, %ctaid.x;
                mov.u32 %r5, %ntid.x;
                mov.u32 %r6, %tid.x;
                mad.lo.s32 %r0, %r0, %r5, %r6;
                mul.wide.u32 %rd5, %r0, {{Values * sizeof(ulong)}};
                add.u64 %rd0, %rd0, %rd5;
                ld.global.{{Type(widths.A)}} {{names[1]}}, [%rd0];
                ld.global.{{Type(widths.B)}} {{names[2]}}, [%rd0+8];
                ld.global.{{Type(widths.C)}} {{names[3]}}, [%rd0+16];
                {{apply}}
                st.global.{{Type(widths.D)}} [%rd0+24], {{names[0]}};
                and.b32 %r5, %r6, 9;
                setp.ne.s32 %p0, %r5, 0;
                ld.global.{{Type(widths.A)}} {{names[1]}}, [%rd0+8];
                @%p0 {{apply}}
                st.global.{{Type(widths.D)}} [%rd0], {{names[0]}};
                ret;
            }
            """;
    }

    private static string Name(bool isWide, int number) => $"{(isWide ? "%rd" : "%r")}{number}";

    private static string Type(bool isWide) => isWide ? "b64" : "b32";

    private static byte[] Run(PtxProgram program, byte[] input, Action<PtxLaunch> run)
    {
        AddressSpace memory = AddressSpace.Global(program);
        Region data = memory.Add("data", (byte[])input.Clone(), alignment: 16);
        run(new PtxLaunch(program, new Dim3(Ctas), new Dim3(Threads), memory, [BitConverter.GetBytes(data.Address)]));
        return data.Data;
    }
}
