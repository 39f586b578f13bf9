using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>The parser refuses by name what it does not know; it skips nothing.</summary>
[TestClass]
public sealed class PtxParserTests
{
    [TestMethod]
    [DataRow("shfl.sync.down.b32 %r1, %r2, 1, 31, -1;", "the instruction shfl.sync.down.b32 is not known")]
    [DataRow("add.sat.s32 %r1, %r2, %r3;", "the instruction add.sat.s32 is not known")]
    [DataRow("add.ftz.f32 %f1, %f2, %f3;", "the instruction add.ftz.f32 is not known")]
    [DataRow("fma.rz.f32 %f1, %f2, %f3, %f4;", "the instruction fma.rz.f32 is not known")]
    [DataRow("ld.f32 %f1, [%rd0];", "the instruction ld.f32 is not known")]
    [DataRow("ld.global.nc.f32 %f1, [%rd0];", "the instruction ld.global.nc.f32 is not known")]
    [DataRow("ld.volatile.shared.f32 %f1, [%rd2];", "the instruction ld.volatile.shared.f32 is not known")]
    [DataRow("bar.sync 1;", "only number 0")]
    [DataRow("bar.sync 0, 32;", "only number 0")]
    [DataRow("add.s32 %r1, %r2;", "3 operands are needed, not 2")]
    [DataRow("ld.global.v4.f32 {%f0, %f1}, [%rd0];", "4 registers are needed")]
    [DataRow("ld.global.f32 %f0, [%rd0+%rd1];", "the address is not of a form")]
    [DataRow("ld.param.b32 %r1, [_other];", "_other is no parameter")]
    [DataRow("mov.b32 %r99, 1;", "%r99 is no declared register")]
    [DataRow("mov.b32 %r1, nothing;", "nothing is neither a declared name nor a constant")]
    [DataRow("mov.b32 5, %r1;", "5 is no declared register")]
    [DataRow("bra NOWHERE;", "there is no such label")]
    [DataRow(".pragma \"nounroll\";", "this directive is not known")]
    [DataRow(".reg .b32 %r<3>;", "declared twice")]
    [DataRow("add.s32 %r1, %r2, %r3", "this is no statement")]
    public void What_is_not_known_is_refused_by_name(string line, string reason)
    {
        var error = Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(PtxSnippet.Kernel($"{line}\nret;")));
        Assert.Contains(line, error.Message);
        Assert.Contains(reason, error.Message);
    }

    [TestMethod]
    public void An_unknown_special_register_is_refused() => Assert.Contains(
        "%laneid.x", Assert.ThrowsExactly<PtxException>(() => PtxSnippet.Run("mov.b32 %r1, %laneid.x;\nret;", Scheduler.All[0])).Message);

    [TestMethod]
    public void Functions_are_passed_over_and_not_called()
    {
        const string Function = ".visible .func (.param .b32 result) Of(\n.param .b32 _value\n)";
        string kernel = PtxSnippet.Kernel("mov.b32 %r1, 0;\nret;"), called = PtxSnippet.Kernel("call.uni (result), Of, (_value);\nret;");
        Assert.HasCount(PtxParser.Parse(kernel).Code.Length,
            PtxParser.Parse($"{Function}\n;\n{Function}\n{{\n.reg .b32 %r<9>;\nret;\n}}\n{kernel}").Code);
        Assert.Contains("the instruction call.uni is not known", Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(called)).Message);
    }

    [TestMethod]
    public void A_program_must_be_whole()
    {
        Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(""));
        Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(PtxSnippet.Kernel("ret;").Replace("}", "")));
        Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(PtxSnippet.Kernel("ret;") + "\n.visible .entry Second("));
        Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(PtxSnippet.Kernel("mov.b32 %r1, 0;")));
        Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(PtxSnippet.Kernel("@%p0 ret;")));
    }

    /// <summary>Every way to write an operand, and guards of both signs.</summary>
    [TestMethod]
    [DataRow("mov.b32 %r1, -1;", -1)]
    [DataRow("mov.b32 %r1, 4294967295;", -1)]
    [DataRow("mov.b32 %r1, 0xFF;", 255)]
    [DataRow("mov.b32 %r1, 0f3F800000;", 0x3F800000)]
    [DataRow("add.s32 %r1, %tid.x, 7; // a comment", 7)]
    [DataRow("mov.b32 %r1, %ntid.x;", 1)]
    [DataRow("mov.b32 %r1, 1;\nsetp.eq.s32 %p0, %r1, 1;\n@%p0 mov.b32 %r1, 5;", 5)]
    [DataRow("mov.b32 %r1, 1;\nsetp.eq.s32 %p0, %r1, 1;\n@!%p0 mov.b32 %r1, 5;", 1)]
    [DataRow("mov.b32 %r1, 1;\nbra END;\nmov.b32 %r1, 2;\nEND:", 1)]
    [DataRow("mov.b32 %r2, 3;\nst.shared.v2.b32 [%rd2+8], {%r2, %r0};\nld.shared.b32 %r1, [%rd2+8];", 3)]
    [DataRow("mov.b32 %r2, 4;\nst.shared.v2.b32 [%rd2+8], {%r0, %r2};\nld.shared.b32 %r1, [tile+12];", 4)]
    [DataRow("mov.b32 %r2, 200;\nst.shared.b32 [%rd2], %r2;\nld.shared.s8 %r1, [%rd2];", -56)]
    [DataRow("mov.b32 %r2, 200;\nst.shared.b32 [%rd2], %r2;\nld.shared.b8 %r1, [%rd2];", 200)]
    public void Operands_are_read_as_PTX_means_them(string body, int expected) =>
        Assert.AreEqual(expected, PtxSnippet.Run($"{body}\nst.global.b32 [%rd1], %r1;\nret;", Scheduler.All[0], threads: 1)[0]);
}
