using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Tests;

/// <summary>The methods that the tiled family offers, and the one that it chooses; needs no device.</summary>
[TestClass]
public sealed class TiledConv2dChoiceTests
{
    /// <summary>Multiprocessors of an A100.</summary>
    private const int Multiprocessors = 108;

    private static readonly Conv2dShape Stage4 = Conv2dShape.Create(1, 7, 7, 2048, 512, 1, 1, 1, 0);

    private static readonly Conv2dShape[] Shapes =
    [
        Conv2dShape.Create(1, 224, 224, 3, 64, 7, 7, 2, 3), Conv2dShape.Create(1, 56, 56, 64, 64, 3, 3, 1, 1),
        Conv2dShape.Create(32, 14, 14, 1024, 256, 1, 1, 1, 0),
        Conv2dShape.Create(1, 7, 7, 512, 512, 3, 3, 1, 1), Stage4, Conv2dShape.Linear(1, 2048, 1000),
        Conv2dShape.Create(1, 14, 14, 512, 512, 3, 3, 1, 1, groups: 32),
    ];

    [TestMethod]
    public void Each_tile_as_a_type_has_the_numbers_that_it_has_as_data()
    {
        foreach ((GemmTile tile, GemmInput input) in ImplicitGemmKernels.All)
        {
            Type[] arguments = ImplicitGemmKernels.Method(tile, input).Method.GetGenericArguments();
            bool isSliced = arguments[1].GetGenericTypeDefinition() == typeof(SlicedRows8<>);
            Type rows = isSliced ? typeof(Rows8<Columns8>) : arguments[1], columns = rows.GetGenericArguments()[0];
            int threadM = rows.GetGenericTypeDefinition() == typeof(Rows8<>) ? 8 : 4, threadN = columns == typeof(Columns8) ? 8 : 4;
            Assert.AreEqual(tile, new GemmTile(Constant("M"), Constant("N"), Constant("K"), threadM, threadN, Constant("PartitionsK")));
            Assert.AreEqual(tile.PartitionsK > 1, isSliced);
            Assert.AreEqual(tile.K / tile.PartitionsK == 4, arguments[1] == typeof(SlicedRows8<FourSteps>));
            Assert.AreEqual(0, GemmTile.MostK % tile.K);
            Assert.AreEqual((tile.Threads, tile.ThreadN), (Constant("Threads"), Constant("ThreadN")));

            int Constant(string name) => (int)arguments[0].GetProperty(name)!.GetValue(null)!;
        }
    }

    [TestMethod]
    public void No_part_of_a_split_reduction_is_too_short_and_the_workspace_has_room_for_all()
    {
        foreach (Conv2dShape shape in Shapes)
        {
            Conv2dMethod[] kernels = [.. TiledConv2dMethods.Of(shape)];
            CollectionAssert.AllItemsAreUnique(kernels);
            foreach (Conv2dMethod kernel in kernels.Where(kernel => kernel.Splits > 1))
            {
                GemmShape product = GemmShape.Of(shape, kernel.Algorithm);
                Assert.IsGreaterThanOrEqualTo(64, product.SlicesPerSplit(kernel.Tile, kernel.Splits) * kernel.Tile.K, $"{shape}, {kernel}");
                Assert.IsGreaterThanOrEqualTo(kernel.Splits * shape.OutputLength, TiledConv2dMethods.WorkspaceLength(shape, kernel));
            }
        }
    }

    [TestMethod]
    public void A_small_product_is_split_until_it_fills_the_device_unless_it_must_be_exact()
    {
        Conv2dMethod fastest = TiledConv2dMethods.Fastest(Stage4, Multiprocessors),
            exact = TiledConv2dMethods.Fastest(Stage4, Multiprocessors, exact: true);
        Assert.IsGreaterThanOrEqualTo(
            Multiprocessors, GemmShape.Of(Stage4, fastest.Algorithm).Blocks(fastest.Tile, fastest.Splits), $"{fastest}");
        Assert.IsTrue(exact.IsExact, $"{exact}");
        // Four threads for the same outputs are for GPUs of which more is known.
        Assert.AreEqual(1, fastest.Tile.PartitionsK);
        Assert.AreEqual(1, TiledConv2dMethods.Fastest(Stage4 with { N = 256 }, Multiprocessors).Splits);
        // As many pixels and channels as whole waves of the largest tile.
        Conv2dShape large = Conv2dShape.Create(Multiprocessors, 32, 32, 256, 256, 1, 1, 1, 0);
        Assert.AreEqual(new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M128N128), TiledConv2dMethods.Fastest(large, Multiprocessors));
    }

    [TestMethod]
    public void Winograd_is_chosen_where_it_multiplies_less_and_offered_only_where_it_fits()
    {
        Conv2dShape fits = Conv2dShape.Create(8, 28, 28, 128, 128, 3, 3, 1, 1);
        Assert.AreEqual(Conv2dAlgorithm.WinogradF4, TiledConv2dMethods.Fastest(fits, Multiprocessors).Algorithm);
        Conv2dShape[] others =
        [
            Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 2, 1), Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 1, 2, dilation: 2),
            Conv2dShape.Create(1, 28, 28, 128, 128, 3, 3, 1, 1, groups: 2), Conv2dShape.Create(1, 28, 28, 128, 128, 1, 1, 1, 0),
            Conv2dShape.Create(1, 28, 28, 124, 128, 3, 3, 1, 1),
        ];
        foreach (Conv2dShape other in others)
        {
            Assert.IsTrue(TiledConv2dMethods.Of(other).All(kernel => kernel.Algorithm is Conv2dAlgorithm.Direct), $"{other}");
            foreach (Conv2dAlgorithm algorithm in WinogradFilter.Algorithms)
            {
                var error = Assert.ThrowsExactly<ArgumentException>(
                    () => TiledConv2dMethods.WorkspaceLength(other, new Conv2dMethod(algorithm, GemmTile.M64N64)));
                Assert.Contains($"{algorithm}", error.Message);
            }
        }
    }

    [TestMethod]
    public void What_has_no_kernel_is_refused()
    {
        Conv2dMethod[] refused =
        [
            default, new(Conv2dAlgorithm.Direct, new GemmTile(64, 64, 8, 4, 4)), new(Conv2dAlgorithm.Direct, GemmTile.M64N64, 0),
            new(Conv2dAlgorithm.WinogradF2, GemmTile.M64N64, 2),
        ];
        foreach (Conv2dMethod kernel in refused)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(() => TiledConv2dMethods.WorkspaceLength(Shapes[1], kernel));
            Assert.Contains("use one of Conv2dMethods", error.Message);
        }
        // Fewer output channels than the tile's 128, a tile that takes no quads, and one that is not for groups.
        Assert.ThrowsExactly<ArgumentException>(
            () => TiledConv2dMethods.WorkspaceLength(Shapes[1], new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M128N128)));
        Assert.ThrowsExactly<ArgumentException>(
            () => TiledConv2dMethods.WorkspaceLength(Shapes[0], new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M32N32)));
        Assert.ThrowsExactly<ArgumentException>(
            () => TiledConv2dMethods.WorkspaceLength(Shapes[^1], new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M64N64)));
    }

    /// <summary>A batch that leaves no room for a workspace has kernels all the same.</summary>
    [TestMethod]
    public void No_workspace_passes_32_bit_indexes()
    {
        Conv2dShape shape = Conv2dShape.Create(600, 112, 112, 64, 64, 3, 3, 1, 1);
        Assert.IsNotEmpty(TiledConv2dMethods.Of(shape));
        foreach (Conv2dMethod kernel in TiledConv2dMethods.Of(shape))
            Assert.IsLessThanOrEqualTo(int.MaxValue, TiledConv2dMethods.WorkspaceLength(shape, kernel));
    }
}
