using System.Globalization;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>Which products are merged into sums: f0 * f0 + f1 is 2^-24 when rounded once and 0 when rounded twice.</summary>
[TestClass]
public sealed class ContractionTests
{
    private const float Factor = 1 + 1f / (1 << 12);
    private const float Addend = -(1 + 1f / (1 << 11));
    private const float RoundedOnce = 1f / (1 << 24);

    [TestMethod]
    [DataRow("mul.f32 %f2, %f0, %f0; | add.f32 %f3, %f2, %f1;", true)]
    [DataRow("mul.f32 %f2, %f0, %f0; | add.f32 %f3, %f1, %f2;", true)]
    [DataRow("mul.f32 %f2, %f0, %f0; | mov.f32 %f4, %f1; | add.f32 %f1, %f2, %f4; | mov.f32 %f3, %f1;", true)]
    [DataRow("mul.f32 %f2, %f0, %f0; | mul.f32 %f4, %f2, %f0; | add.f32 %f3, %f2, %f1;", false, DisplayName = "read twice")]
    [DataRow("mul.f32 %f2, %f0, %f0; | HERE: | add.f32 %f3, %f2, %f1;", false, DisplayName = "another block, entered")]
    [DataRow("mul.f32 %f2, %f0, %f0; | @%p0 bra END; | add.f32 %f3, %f2, %f1; | END:", false, DisplayName = "another block, left")]
    [DataRow("mov.f32 %f4, %f0; | mul.f32 %f2, %f4, %f0; | mov.f32 %f4, %f1; | add.f32 %f3, %f2, %f1;", false,
        DisplayName = "factor overwritten")]
    [DataRow("mul.f32 %f2, %f0, %f0; | mul.rn.f32 %f2, %f0, %f0; | add.f32 %f3, %f2, %f1;", false, DisplayName = "product overwritten")]
    [DataRow("mul.f32 %f2, %f0, %f0; | @!%p0 add.f32 %f3, %f2, %f1;", false, DisplayName = "guarded sum")]
    [DataRow("mul.rn.f32 %f2, %f0, %f0; | add.f32 %f3, %f2, %f1;", false, DisplayName = "product with a rounding modifier")]
    [DataRow("mul.f32 %f2, %f0, %f0; | add.rn.f32 %f3, %f2, %f1;", false, DisplayName = "sum with a rounding modifier")]
    public void A_product_is_merged_into_its_only_sum(string body, bool isMerged)
    {
        Assert.AreEqual(isMerged ? RoundedOnce : 0f, Run(body, contracts: true));
        Assert.AreEqual(0f, Run(body, contracts: false));
    }

    /// <summary>Labels behind a product that is left out still name the same instruction.</summary>
    [TestMethod]
    public void Branches_still_find_their_targets() =>
        Assert.AreEqual(
            5f,
            Run(
                "mul.f32 %f2, %f0, %f0; | add.f32 %f3, %f2, %f1; | bra END; | mov.f32 %f3, 0f3F800000; | END: | mov.f32 %f3, 0f40A00000;",
                contracts: true));

    /// <summary>The convolution's inner loop is fused multiply-adds and so is its epilogue: there is no product alone.</summary>
    [TestMethod]
    public void Every_product_of_the_convolution_is_merged()
    {
        GemmTile tile = GemmTile.M64N64;
        string ptx =
            PtxCompiler.Compile(ImplicitGemmKernels.Method(tile, GemmInput.Dense).Method, ImplicitGemmKernels.Specialization(tile));
        Assert.AreEqual(0, Count(PtxParser.Parse(ptx, contracts: true)));

        static int Count(PtxProgram program) => program.Code.Count(i => i.Opcode == "mul.f32");
    }

    private static float Run(string body, bool contracts)
    {
        string setUp = string.Create(
            CultureInfo.InvariantCulture,
            $"setp.ne.s32 %p0, %r0, %r0;\nmov.f32 %f0, 0f{BitConverter.SingleToUInt32Bits(Factor):X8};\n"
            + $"mov.f32 %f1, 0f{BitConverter.SingleToUInt32Bits(Addend):X8};\n");
        int[] data = PtxSnippet.Run(
            $"{setUp}{body.Replace(" | ", "\n")}\nst.global.f32 [%rd1], %f3;\nret;", Scheduler.All[0], threads: 1, contracts: contracts);
        return BitConverter.Int32BitsToSingle(data[0]);
    }
}
