using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Tests.Ptx;

namespace IlgpuResNet.Tests;

/// <summary>
/// Every kernel by which the tiled family computes a convolution, against the oracle; <see cref="Conv2dTests"/> test the one that it would
/// choose.
/// </summary>
public abstract class TiledConv2dTests(BackEnd backEnd)
{
    private static readonly Epilogue ResidualRelu = new(HasResidual: 1, ReluBeforeAdd: 0, Relu: 1);

    /// <summary>All four switches of an epilogue: residual, ReLU before the sum, ReLU, clip.</summary>
    private const int AllSwitches = 0b1111;

    /// <summary>
    /// Any two switches of an epilogue in all four combinations. The interpreter executes all sixteen on every instruction of these
    /// kernels; a simulated device takes up to a second for each.
    /// </summary>
    private static readonly int[] PairwiseSwitches = [0b0000, 0b0111, 0b1011, 0b1101, 0b1110];

    /// <summary>A barrier costs 100 us and more on a simulated device, an instruction some ns on the interpreter.</summary>
    private readonly bool simulated = backEnd is BackEnd.SimulatedNvidia or BackEnd.SimulatedAmd;

    private TestDevice device = null!;

    public static IEnumerable<object[]> Tiles => GemmTile.All.Select(tile => new object[] { tile.ToString() });

    public TestContext TestContext { get; set; } = null!;

    [TestInitialize]
    public void OpenDevice() => device = TestDevice.Open(backEnd, TestContext);

    /// <summary>
    /// Two tiles each way of which the second is not full, in both of whose halves there are quads of channels of which one to four exist,
    /// whole and in parts.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(Tiles))]
    public void Partly_filled_tiles_match_the_oracle(string name)
    {
        GemmTile tile = GemmTile.All.Single(candidate => candidate.ToString() == name);
        foreach ((int c, int window) in ((int, int)[])[(2 * tile.K, 1), (tile.K, 3), (12, 1), (3, 3)])
        {
            // 17 pixels more than a tile.
            int rows = tile.M == 128 ? 29 : tile.M == 64 ? 27 : 7, columns = tile.M == 128 ? 5 : tile.M == 64 ? 3 : 7;
            foreach (int past in simulated ? (int[])[5] : [1, 2, 3, 4, tile.N / 2 + 1, tile.N / 2 + 2, tile.N / 2 + 3, tile.N / 2 + 4])
            {
                Conv2dShape shape = Conv2dShape.Create(1, rows, columns, c, tile.N + past, window, window, 1, window / 2);
                if (!TiledConv2dMethods.Of(shape).Contains(new Conv2dMethod(Conv2dAlgorithm.Direct, tile))) continue;
                bool bare = past % Float4.Width == 1;
                Check(Conv2dCase.Make(shape, bare ? Epilogue.None : ResidualRelu, seed: past),
                    new Conv2dMethod(Conv2dAlgorithm.Direct, tile), residualIsOutput: !bare);
                if (past % Float4.Width > 1) continue;
                bare = past > tile.N / 2;
                Check(Conv2dCase.Make(shape, bare ? Epilogue.None : ResidualRelu, seed: past),
                    new Conv2dMethod(Conv2dAlgorithm.Direct, tile, 2), residualIsOutput: !bare);
            }
        }
        AfterPartlyFilled(tile);
    }

    /// <summary>For a back end that knows more of what just ran.</summary>
    private protected virtual void AfterPartlyFilled(GemmTile tile)
    {
    }

    /// <summary>Pixels of which a row, a column or all taps lie outside the image; and several slices of each tap.</summary>
    [TestMethod]
    [DynamicData(nameof(Tiles))]
    public void Taps_outside_the_image_match_the_oracle(string name)
    {
        GemmTile tile = GemmTile.All.Single(candidate => candidate.ToString() == name);
        Conv2dShape shape = Conv2dShape.Create(1, 2, 3, 3 * tile.K, tile.N, 3, 3, 1, 4);
        Check(Conv2dCase.Make(shape, ResidualRelu, seed: 9), new Conv2dMethod(Conv2dAlgorithm.Direct, tile), residualIsOutput: false);
    }

    /// <summary>Any shape by any of its kernels; each twice, for the same bits.</summary>
    [TestMethod]
    public void Random_shapes_match_the_oracle_by_any_kernel()
    {
        for (int seed = 0; seed < (simulated ? 6 : backEnd is BackEnd.Ptx ? 30 : 150); seed++)
        {
            var random = new Random(seed);
            Conv2dShape shape = RandomShape(random);
            Conv2dMethod[] kernels = [.. TiledConv2dMethods.Of(shape)];
            Conv2dMethod kernel = kernels[random.Next(kernels.Length)];
            // Shapes so small are not split by themselves.
            if (kernel.Algorithm is Conv2dAlgorithm.Direct && random.Next(2) == 0) kernel = kernel with { Splits = random.Next(2, 6) };
            var epilogue = new Epilogue(random.Next(2), random.Next(2), random.Next(2), random.Next(2), -0.5f, 0.75f);
            Check(Conv2dCase.Make(shape, epilogue, seed), kernel, residualIsOutput: epilogue.HasResidual != 0 && random.Next(2) == 0);
        }
    }

    [TestMethod]
    [DataRow(Conv2dAlgorithm.WinogradF2)]
    [DataRow(Conv2dAlgorithm.WinogradF4)]
    internal void Winograd_matches_the_oracle(Conv2dAlgorithm algorithm)
    {
        // Whole tiles and partial ones, channels that fill no quad, several images, rows that are cut off instead of padded.
        Conv2dShape[] shapes =
        [
            Conv2dShape.Create(1, 8, 8, 8, 12, 3, 3, 1, 1),
            Conv2dShape.Create(2, 7, 5, 16, 33, 3, 3, 1, 1),
            Conv2dShape.Create(1, 6, 9, 8, 70, 3, 3, 1, 0),
            Conv2dShape.Create(3, 3, 2, 8, 7, 3, 3, 1, 1),
            Conv2dShape.Create(1, 9, 9, 8, 4, 3, 3, 1, 1) with { PadH = -1, PadW = 2, P = 5, Q = 11 },
        ];
        for (int seed = 0; seed < (simulated ? 2 : shapes.Length); seed++)
        {
            var random = new Random(seed);
            var epilogue = new Epilogue(seed % 2, random.Next(2), random.Next(2), random.Next(2), -0.5f, 0.75f);
            GemmTile tile =
                simulated ? GemmTile.M32N32 : TiledConv2dMethods.Of(shapes[seed]).Last(kernel => kernel.Algorithm == algorithm).Tile;
            Check(Conv2dCase.Make(shapes[seed], epilogue, seed), new Conv2dMethod(algorithm, tile),
                residualIsOutput: epilogue.HasResidual != 0);
        }
    }

    /// <summary>Where parts are added up and where Winograd's products are transformed back, which have ends of their own.</summary>
    [TestMethod]
    [DataRow(Conv2dAlgorithm.Direct, 3)]
    [DataRow(Conv2dAlgorithm.WinogradF2, 1)]
    [DataRow(Conv2dAlgorithm.WinogradF4, 1)]
    internal void Every_epilogue_matches_the_oracle(Conv2dAlgorithm algorithm, int splits)
    {
        foreach (int bits in simulated ? PairwiseSwitches : [.. Enumerable.Range(0, AllSwitches + 1)])
        {
            var epilogue = new Epilogue(bits & 1, bits >> 1 & 1, bits >> 2 & 1, bits >> 3, -0.5f, 0.75f);
            Check(
                Conv2dCase.Make(Conv2dShape.Create(1, 3, 5, 8, 7, 3, 3, 1, 1), epilogue, seed: bits),
                new Conv2dMethod(algorithm, GemmTile.M32N32, splits),
                residualIsOutput: epilogue.HasResidual != 0 && epilogue.Relu != 0);
        }
    }

    /// <summary>
    /// Of any kind that a file may ask for: grouped, dilated, padded or cut unevenly; half of them such that Winograd fits.
    /// </summary>
    private Conv2dShape RandomShape(Random random)
    {
        int extent = backEnd is BackEnd.OpenCL or BackEnd.Cuda ? 15 : 6;
        while (true)
        {
            int h = random.Next(1, extent + 1), w = random.Next(1, extent + 1);
            bool winograd = random.Next(2) == 0;
            int r = winograd ? 3 : random.Next(1, 7), s = winograd ? 3 : random.Next(1, 7);
            int strideH = winograd ? 1 : random.Next(1, 4), strideW = winograd ? 1 : random.Next(1, 4);
            int dilationH = winograd ? 1 : random.Next(1, 3), dilationW = winograd ? 1 : random.Next(1, 3);
            int groups = winograd ? 1 : TestData.Pick(random, 1, 1, 2, 3);
            int padH = random.Next(-1, 4), padW = random.Next(-1, 4), padEndH = random.Next(-1, 4), padEndW = random.Next(-1, 4);
            int roomH = h + padH + padEndH - dilationH * (r - 1) - 1, roomW = w + padW + padEndW - dilationW * (s - 1) - 1;
            if (roomH < 0 || roomW < 0) continue;
            return new Conv2dShape(
                random.Next(1, 3), h, w, groups * TestData.Pick(random, 3, 4, 8, 8, 16), groups * TestData.Pick(random, 2, 7, 24, 33, 70),
                r, s, strideH, strideW, padH, padW, roomH / strideH + 1, roomW / strideW + 1, dilationH, dilationW, groups);
        }
    }

    /// <summary>
    /// Runs twice where a second run may differ: on a device with a scheduler of its own. The interpreter has compared four orders of the
    /// threads by then, and a second run would repeat each of them.
    /// </summary>
    private void Check(Conv2dCase @case, Conv2dMethod kernel, bool residualIsOutput) =>
        @case.Check(device, kernel, residualIsOutput, twice: backEnd is BackEnd.OpenCL or BackEnd.Cuda);
}

[TestClass]
public sealed class SimulatedNvidiaTiledConv2dTests() : TiledConv2dTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdTiledConv2dTests() : TiledConv2dTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxTiledConv2dTests() : TiledConv2dTests(BackEnd.Ptx)
{
    /// <summary>The tests of a tile leave no instruction of its kernels unexecuted.</summary>
    private protected override void AfterPartlyFilled(GemmTile tile)
    {
        Taps_outside_the_image_match_the_oracle(tile.ToString());
        PtxCoverageTests.AssertExecuted([.. ImplicitGemmKernels.All.Where(kernel => kernel.Tile == tile).Select(
            kernel => ImplicitGemmKernels.Method(kernel.Tile, kernel.Input))]);
    }
}

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLTiledConv2dTests() : TiledConv2dTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaTiledConv2dTests() : TiledConv2dTests(BackEnd.Cuda);
