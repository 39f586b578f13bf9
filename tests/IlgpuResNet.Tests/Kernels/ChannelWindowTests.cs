using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests;

/// <summary>Which input channels a tile of output channels reads: all that it needs, and few that it does not.</summary>
[TestClass]
public sealed class ChannelWindowTests
{
    /// <summary>Channels per tile of the SIMD family on its three vector widths, and of the tiled family.</summary>
    private static readonly int[] Tiles = [8, 16, 32, 64];

    [TestMethod]
    public void Every_output_channel_finds_its_group_in_the_run_of_its_tile()
    {
        foreach (int groups in (int[])[1, 2, 3, 5, 7, 32, 101])
            foreach (int groupC in (int[])[1, 2, 3, 4, 8, 20])
                foreach (int groupK in (int[])[1, 2, 3, 4, 8, 24, 40, 64, 128])
                    foreach (int tile in Tiles)
                        Check(Shape(groups, groupC, groupK), tile);
    }

    [TestMethod]
    [DataRow(32, 4, 4, 16, 16, DisplayName = "ResNeXt 32x4d, stage 1: four groups fill a panel")]
    [DataRow(32, 4, 4, 64, 64, DisplayName = "and sixteen a tile")]
    [DataRow(32, 32, 32, 16, 32, DisplayName = "ResNeXt 32x4d, stage 4: a panel lies in one group")]
    [DataRow(32, 64, 64, 64, 64, DisplayName = "ResNeXt 32x8d, stage 4: so does a tile")]
    [DataRow(144, 1, 1, 16, 16, DisplayName = "depthwise")]
    [DataRow(8191, 1, 1, 64, 64, DisplayName = "depthwise in a number of groups that nothing divides")]
    [DataRow(30, 4, 24, 64, 16, DisplayName = "24 channels per group: a tile of 64 reaches into four groups at most")]
    [DataRow(1, 256, 70, 64, 256, DisplayName = "one group")]
    [DataRow(3, 5, 2, 64, 15, DisplayName = "fewer channels than a tile")]
    public void The_run_is_as_short_as_the_neediest_tile_allows(int groups, int groupC, int groupK, int tile, int expected) =>
        Assert.AreEqual(expected, ChannelWindow.Of(Shape(groups, groupC, groupK), tile).Length);

    private static Conv2dShape Shape(int groups, int groupC, int groupK) =>
        Conv2dShape.Create(1, 1, 1, groups * groupC, groups * groupK, 1, 1, 1, 0, groups: groups);

    private static void Check(in Conv2dShape shape, int tile)
    {
        string message = $"{shape}, tile {tile}";
        ChannelWindow window = ChannelWindow.Of(shape, tile);
        for (int k = 0; k < shape.K; k++)
        {
            int first = window.First(k / tile * tile);
            int offset = window.Offset(k, tile);
            Assert.AreEqual(k / shape.GroupK * shape.GroupC, first + offset, message);
            Assert.IsTrue(first >= 0 && first + window.Length <= shape.C, message);
            Assert.IsTrue(offset >= 0 && offset + shape.GroupC <= window.Length, message);
            Assert.IsTrue(shape.C % 4 != 0 || (first % 4 == 0 && window.Length % 4 == 0), message);
        }
    }
}
