using System.Text.RegularExpressions;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// Direct convolution, the split reduction and Winograd's with one thing broken in their PTX, on the checks of the kernels' own tests
/// (<see cref="Conv2dCase.Check"/>): a check that let these pass would test nothing.
/// <see cref="PtxBrokenKernelTests"/> are about missing barriers.
/// </summary>
[TestClass]
public sealed partial class PtxBrokenAlgorithmTests
{
    /// <summary>Text that only one kernel's PTX contains, for each kernel.</summary>
    private const string SumParts = "_partial_", ImplicitGemm = "bar.sync", InputTransform = "Kernel_TransformInput",
        OutputTransform = "Kernel_TransformOutput";

    /// <summary>27 slices of the reduction, 9 pixels of a tile of 32.</summary>
    private static readonly Conv2dCase Product =
        Conv2dCase.Make(Conv2dShape.Create(1, 3, 3, 24, 8, 3, 3, 1, 1), new Epilogue(0, 0, 1), seed: 1);

    private static readonly Conv2dMethod Whole = new(Conv2dAlgorithm.Direct, GemmTile.M32N32), InThreeParts = Whole with { Splits = 3 };

    /// <summary>Whole tiles and such of which a row, a column or both are missing.</summary>
    private static readonly Conv2dCase Image = Conv2dCase.Make(Conv2dShape.Create(1, 5, 5, 8, 4, 3, 3, 1, 1), Epilogue.None, seed: 2);

    /// <summary>A tile with one pixel.</summary>
    private static readonly Conv2dCase Pixel = Conv2dCase.Make(Conv2dShape.Create(1, 1, 1, 8, 4, 3, 3, 1, 1), Epilogue.None, seed: 3);

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    public void With_nothing_broken_the_same_checks_pass()
    {
        TestDevice device = TestDevice.Open(BackEnd.Ptx, TestContext);
        Product.Check(device, Whole);
        Product.Check(device, InThreeParts);
        foreach (Conv2dAlgorithm algorithm in (Conv2dAlgorithm[])[Conv2dAlgorithm.WinogradF2, Conv2dAlgorithm.WinogradF4])
        {
            Image.Check(device, By(algorithm));
            Pixel.Check(device, By(algorithm));
        }
    }

    [TestMethod]
    public void A_part_that_is_missing_in_the_sum_is_another_result() =>
        AssertNotTheOracles(Product, InThreeParts, Broken(SumParts, ptx => FirstPart().Replace(ptx, "mov.b32$1, 2;", 1)));

    /// <summary>Within the tolerance, so that only the comparison of bits can tell.</summary>
    [TestMethod]
    public void Parts_that_are_added_in_another_order_are_other_bits()
    {
        TestDevice device = TestDevice.Open(BackEnd.Ptx, TestContext);
        // The first part, then the others from the last on.
        TestDevice reversed =
            Broken(SumParts, ptx => PartsIndex().Replace(ptx, $"sub.s32 $1, {PartsOf(ptx)}, $2;\nmul.lo.s32 $1, $1, $3;", 1));
        Product.Check(reversed, InThreeParts);
        var error = Assert.ThrowsExactly<AssertFailedException>(
            () => TestData.AssertSameBits(
                Product.Run(device, InThreeParts, false), Product.Run(reversed, InThreeParts, false), "two runs"));
        Assert.Contains("two runs: element ", error.Message);
    }

    /// <summary>The order of atomic sums is another in each run: no kernel has any.</summary>
    [TestMethod]
    public void An_atomic_sum_is_refused_by_name()
    {
        var error = Assert.ThrowsExactly<PtxException>(() => PtxParser.Parse(PtxSnippet.Kernel("red.global.add.f32 [%rd0], %f0;\nret;")));
        Assert.Contains("the instruction red.global.add.f32 is not known here", error.Message);
    }

    [TestMethod]
    public void A_part_behind_the_last_is_out_of_bounds() => AssertReported(
        Product, InThreeParts, Broken(SumParts, ptx =>
            Regex.Replace(ptx, $@"setp\.ge\.s32(\s+%p\d+, %r\d+, {PartsOf(ptx)};)", "setp.gt.s32$1")), "ld.global.v4.f32", "out of bounds");

    /// <summary>Of one part they lie where the next has its sums, of the last behind all.</summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Pixels_behind_the_last_that_are_stored_are_reported(int parts) => AssertReported(
        Product, Whole with { Splits = parts },
        Broken(ImplicitGemm, ptx =>
            Regex.Replace(ptx, $@"setp\.lt\.s32(\s+%p\d+), %r\d+, ({PixelGuard().Match(ptx).Groups[1].Value});", "setp.eq.s32$1, $2, $2;")),
        "st.global", "(races at|out of bounds)");

    /// <summary>Threads of a group that have no work.</summary>
    [TestMethod]
    [DataRow(SumParts)]
    [DataRow(InputTransform)]
    [DataRow(OutputTransform)]
    public void A_thread_too_many_is_out_of_bounds(string kernel) => AssertReported(
        kernel == SumParts ? Product : Image, kernel == SumParts ? InThreeParts : By(Conv2dAlgorithm.WinogradF2),
        Broken(kernel, ptx => ThreadGuard().Replace(ptx, "setp.ne.s32$1, $2, $2;", 1)), "global", "out of bounds");

    [TestMethod]
    [DataRow(Conv2dAlgorithm.WinogradF2)]
    [DataRow(Conv2dAlgorithm.WinogradF4)]
    internal void Pixels_of_a_tile_that_lie_outside_the_output_are_reported(Conv2dAlgorithm algorithm)
    {
        foreach (bool rows in (bool[])[false, true])
        {
            AssertReported(
                Pixel, By(algorithm), Broken(OutputTransform, ptx =>
                {
                    string columns = TileGuard().Match(ptx).Groups[2].Value;
                    return TileGuard().Replace(ptx, guard =>
                        guard.Groups[2].Value == columns == rows ? guard.Value : $"setp.ne.s32{guard.Groups[1]}, {columns}, {columns};");
                }),
                "st.global.f32", "out of bounds: .* byte 16 of the 16 of ");
        }
    }

    /// <summary>Each number of Bᵀ and of Aᵀ, wrong by a 64th.</summary>
    [TestMethod]
    [DataRow(InputTransform)]
    [DataRow(OutputTransform)]
    public void A_wrong_coefficient_of_F4_is_another_result(string transform)
    {
        const int A64th = 1 << 17;
        string ptx = PtxOf(transform);
        string[] coefficients = [.. Coefficient().Matches(ptx).Select(match => match.Groups[1].Value).Distinct()];
        Assert.IsGreaterThanOrEqualTo(4, coefficients.Length);
        foreach (string coefficient in coefficients)
        {
            string wrong = (Convert.ToInt32(coefficient, 16) ^ A64th).ToString("X8");
            AssertNotTheOracles(
                Image, By(Conv2dAlgorithm.WinogradF4), Broken(transform, text => text.Replace("0f" + coefficient, "0f" + wrong)));
        }
    }

    /// <summary>Those of F(2x2) are signs.</summary>
    [TestMethod]
    [DataRow(InputTransform)]
    [DataRow(OutputTransform)]
    public void A_wrong_sign_of_F2_is_another_result(string transform) => AssertNotTheOracles(
        Image, By(Conv2dAlgorithm.WinogradF2), Broken(transform, ptx => Difference().Replace(ptx, "add.f32", 1)));

    private static Conv2dMethod By(Conv2dAlgorithm algorithm) => new(algorithm, GemmTile.M32N32);

    /// <summary>The device with one kernel edited.</summary>
    private TestDevice Broken(string kernel, Func<string, string> edit) => TestDevice.Open(BackEnd.Ptx, TestContext).With(new TiledKernels(
        new PtxKernelLoader(ptx =>
        {
            if (!ptx.Contains(kernel)) return ptx;
            string edited = edit(ptx);
            return edited != ptx ? edited
                : throw new InvalidOperationException($"The PTX of {kernel} has no longer what was to be broken.");
        }),
        new TiledPlanner(multiprocessors: 1)));

    private static void AssertNotTheOracles(Conv2dCase @case, Conv2dMethod kernel, TestDevice broken)
    {
        var error = Assert.ThrowsExactly<AssertFailedException>(() => @case.Check(broken, kernel));
        Assert.Contains(" within ", error.Message);
    }

    private static void AssertReported(Conv2dCase @case, Conv2dMethod kernel, TestDevice broken, string instruction, string what)
    {
        var error = Assert.ThrowsExactly<PtxException>(() => @case.Check(broken, kernel));
        Assert.MatchesRegex($"{Regex.Escape(instruction)}.*{what}", error.Message);
    }

    /// <summary>The register with the number of parts.</summary>
    private static string PartsOf(string ptx) => Regex.Match(ptx, @"ld\.param\.b32\s+(%r\d+), \[_parts_").Groups[1].Value;

    private static string PtxOf(string transform) => PtxCompiler.Compile(
        (transform == InputTransform ? (Delegate)Winograd.TransformInput<WinogradF4> : Winograd.TransformOutput<WinogradF4>).Method,
        default);

    /// <summary>Where the sum goes on behind part 0.</summary>
    [GeneratedRegex(@"mov\.b32(\s+%r\d+), 1;")]
    private static partial Regex FirstPart();

    /// <summary>The first quad of a part: its number times their length.</summary>
    [GeneratedRegex(@"mul\.lo\.s32\s+(%r\d+), (%r\d+), (%r\d+);(?=\s+add\.s32\s+%r\d+, \1, )")]
    private static partial Regex PartsIndex();

    /// <summary>The last comparison of a pixel with their number.</summary>
    [GeneratedRegex(@"setp\.lt\.s32\s+%p\d+, %r\d+, (%r\d+);", RegexOptions.RightToLeft)]
    private static partial Regex PixelGuard();

    /// <summary>The comparison of a thread's number with the number of items.</summary>
    [GeneratedRegex(@"setp\.ge\.s32(\s+%p\d+), (%r\d+), %r\d+;")]
    private static partial Regex ThreadGuard();

    /// <summary>The comparisons of a tile's columns and rows that exist, the columns' first.</summary>
    [GeneratedRegex(@"setp\.le\.s32(\s+%p\d+), (%r\d+), [123];")]
    private static partial Regex TileGuard();

    [GeneratedRegex(@"(?:fma\.rn|mul)\.f32\s.*0f([0-9A-F]{8})")]
    private static partial Regex Coefficient();

    [GeneratedRegex(@"sub\.f32")]
    private static partial Regex Difference();
}
