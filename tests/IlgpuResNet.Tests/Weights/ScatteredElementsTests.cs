using System.Runtime.InteropServices;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Elements of any strides are put in row-major order, for the whole tensor and for any part of it.</summary>
[TestClass]
public sealed class ScatteredElementsTests : IDisposable
{
    private const int Seed = 5;

    private readonly WeightsFolder folder = new(inMemory: true);

    public void Dispose() => folder.Dispose();

    [TestMethod]
    public void Random_strides_are_read_as_they_are_indexed()
    {
        var random = new Random(Seed);
        using WeightsFile file = MakeFile(random, 60_000);
        for (int i = 0; i < 400; i++)
        {
            int rank = random.Next(1, 6);
            int[] shape = [.. Enumerable.Range(0, rank).Select(_ => random.Next(1, 8))];
            // Any strides that stay inside the file: with gaps, overlapping, or repeating an element.
            long[] strides = [.. Enumerable.Range(0, rank).Select(_ => (long)random.Next(random.Next(3) == 0 ? 300 : 12))];
            Check<ushort>(file, shape, strides, random, $"case {i} of seed {Seed}");
        }
    }

    /// <summary>Larger than what is read at once: in order, with gaps so large that only the elements are read, and overlapping.</summary>
    [TestMethod]
    [DataRow(new[] { 3000, 401 }, new long[] { 1, 3000 }, DisplayName = "transposed")]
    [DataRow(new[] { 64, 32, 5, 5 }, new long[] { 800, 1, 160, 32 }, DisplayName = "channels last")]
    [DataRow(new[] { 40, 9 }, new long[] { 1, 150_001 }, DisplayName = "columns far apart")]
    [DataRow(new[] { 700 }, new long[] { 1700 }, DisplayName = "single elements far apart")]
    [DataRow(new[] { 300, 300, 2 }, new long[] { 2001, 2000, 1 }, DisplayName = "overlapping rows")]
    [DataRow(new[] { 2, 600_000 }, new long[] { 600_000, 0 }, DisplayName = "one element again and again")]
    public void Large_tensors_are_read_as_they_are_indexed(int[] shape, long[] strides)
    {
        var random = new Random(Seed);
        using WeightsFile file = MakeFile(random, 5_000_000);
        Check<ushort>(file, shape, strides, random, $"seed {Seed}");
        Check<uint>(file, shape, strides, random, $"seed {Seed}");
    }

    private WeightsFile MakeFile(Random random, int length)
    {
        byte[] content = new byte[length];
        random.NextBytes(content);
        return WeightsFile.Open(folder.Write("elements", content));
    }

    private static void Check<T>(WeightsFile file, int[] shape, long[] strides, Random random, string where) where T : unmanaged
    {
        int size = Marshal.SizeOf<T>();
        byte[] content = File.ReadAllBytes(file.Path);
        long reach = shape.Zip(strides, (count, stride) => (count - 1) * stride).Sum();
        long offset = random.NextInt64(content.Length - (reach + 1) * size + 1);
        ReadOnlySpan<T> source = MemoryMarshal.Cast<byte, T>(content.AsSpan((int)offset));

        T[] expected = new T[shape.Aggregate(1, (product, count) => product * count)];
        for (int i = 0; i < expected.Length; i++)
        {
            long at = 0;
            int rest = i;
            for (int d = shape.Length - 1; d >= 0; d--)
            {
                at += rest % shape[d] * strides[d];
                rest /= shape[d];
            }
            expected[i] = source[(int)at];
        }
        using WeightsFile.Lease lease = file.Borrow();
        T[] found = new T[expected.Length];
        ScatteredElements.Read<T>(lease, offset, [.. shape], [.. strides], 0, found);
        Assert.IsTrue(expected.AsSpan().SequenceEqual(found), where);

        int first = random.Next(expected.Length);
        T[] part = new T[random.Next(expected.Length - first + 1)];
        ScatteredElements.Read<T>(lease, offset, [.. shape], [.. strides], first, part);
        Assert.IsTrue(expected.AsSpan(first, part.Length).SequenceEqual(part), where);
    }
}
