using IlgpuResNet.Graphs;

namespace IlgpuResNet.Tests;

/// <summary>How many windows fit over a map, against the definition: those that start where they may, counted one by one.</summary>
[TestClass]
public sealed class SlidingWindowTests
{
    [TestMethod]
    public void Every_window_that_fits_is_counted()
    {
        int placed = 0, ceiled = 0;
        for (int seed = 0; seed < 5000; seed++)
        {
            var random = new Random(seed);
            int size = random.Next(1, 12), taps = random.Next(1, 6), stride = random.Next(1, 5), dilation = random.Next(1, 4);
            int before = random.Next(-1, 4), after = random.Next(-1, 4);
            bool ceil = random.Next(2) == 0;
            var window = new SlidingWindow
            {
                StrideH = stride,
                StrideW = 1,
                DilationH = dilation,
                Pad = new Padding(before, 0, after, 0),
                CeilMode = ceil,
            };
            int whole = 0, started = 0, covered = -before;
            int extent = (taps - 1) * dilation + 1;
            for (int start = -before; start < size + after; start += stride)
            {
                if (start < size + Math.Min(after, 0)) started++;
                if (start + extent > size + after) continue;
                whole++;
                covered = start + extent;
            }
            int expected = ceil && whole > 0 && covered < size + after ? Math.Max(whole, Math.Min(started, whole + 1)) : whole;
            var place = window.Place(new MapShape(size, 1, 1), taps, 1);
            Assert.AreEqual(expected, place?.P ?? 0, $"seed {seed}: size {size}, {taps} taps, {window}");
            if (place is not null) placed++;
            if (expected > whole) ceiled++;
        }
        Assert.IsGreaterThan(1000, placed);
        Assert.IsGreaterThan(100, ceiled);
    }

    [TestMethod]
    [DataRow(5, 3, 2, AutoPad.SameUpper, 3, 1, 1)]
    [DataRow(6, 3, 2, AutoPad.SameUpper, 3, 0, 1)]
    [DataRow(6, 3, 2, AutoPad.SameLower, 3, 1, 0)]
    [DataRow(4, 1, 3, AutoPad.SameLower, 2, 0, 0)]
    public void Same_padding_gives_one_output_per_stride(int size, int taps, int stride, AutoPad mode, int count, int before, int after)
    {
        SlidingWindow window = SlidingWindow.Create(stride) with { AutoPad = mode };
        (int p, int q, Padding pad) = window.Place(new MapShape(size, size, 1), taps, taps)!.Value;
        Assert.AreEqual((count, count), (p, q));
        Assert.AreEqual(new Padding(before, before, after, after), pad);
    }
}
