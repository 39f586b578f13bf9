using System.Collections.Immutable;
using System.IO.Compression;
using System.IO.Hashing;
using IlgpuResNet.Weights;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Tests;

/// <summary>Files in the form of <c>torch.save</c>, read back by this library and as a plain zip archive.</summary>
[TestClass]
public sealed class TorchWriterTests : IDisposable
{
    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>types.pth was written by PyTorch and has a tensor of every element type.</summary>
    [TestMethod]
    [DataRow("types.pth")]
    [DataRow("views.pth")]
    [DataRow("plain.pth")]
    public void What_PyTorch_wrote_comes_back_in_every_bit(string name)
    {
        string path = folder.PathOf("copy.pth");
        using StateDict source = StateDict.Load(WeightsFolder.Golden(name));
        TorchZipWriter.Write(source, path);
        using StateDict copy = StateDict.Load(path);
        AssertSame(source, copy);
    }

    [TestMethod]
    public void Odd_names_and_shapes_come_back()
    {
        string path = folder.PathOf("odd.pth");
        using StateDict source = StateDict.Create(
        [
            ("scalar", [], [1.5f]),
            ("empty", [0, 3], []),
            ("größe.重み\u2028", [2, 1, 3], [1, 2, 3, 4, 5, 6]),
            ("", [1], [float.NaN]),
            ("larger than the buffer", [3, 100_003], [.. Enumerable.Range(0, 300_009).Select(i => (float)i)]),
        ]);
        TorchZipWriter.Write(source, path);
        using StateDict copy = StateDict.Load(path);
        AssertSame(source, copy);
    }

    [TestMethod]
    public void The_archive_is_stored_aligned_and_checked()
    {
        string path = folder.PathOf("a.pth");
        using (StateDict source = StateDict.Create([("a", [5], [1, 2, 3, 4, 5]), ("b", [3], [6, 7, 8])])) TorchZipWriter.Write(
            source, path);
        byte[] bytes = File.ReadAllBytes(path);
        using ZipArchive zip = ZipFile.OpenRead(path);
        CollectionAssert.AreEqual(
            new[] { "archive/data.pkl", "archive/data/0", "archive/data/1", "archive/version" },
            zip.Entries.Select(entry => entry.FullName).ToArray());
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            using Stream stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            Assert.AreEqual(entry.Crc32, Crc32.HashToUInt32(content.ToArray()), entry.FullName);
            Assert.AreEqual(entry.Length, entry.CompressedLength);
            Assert.AreEqual(0, bytes.AsSpan().IndexOf(content.ToArray()) % 64, entry.FullName);
        }
    }

    [TestMethod]
    public void What_passes_4_GiB_or_65533_tensors_is_refused_unwritten()
    {
        string path = folder.PathOf("a.pth");
        using var large = new StateDict(
            "large", Enumerable.Range(0, 5).Select(i => new HugeTensor { Name = $"{i}", Shape = [1 << 30], DataType = DataType.UInt8 }));
        using var many =
            StateDict.Create(Enumerable.Range(0, 65_534).Select(i => ($"{i}", ImmutableArray.Create(0), Array.Empty<float>())));
        foreach (StateDict weights in new[] { large, many })
        {
            WeightsException error = Assert.ThrowsExactly<WeightsException>(() => TorchZipWriter.Write(weights, path));
            StringAssert.StartsWith(error.Message, $"{path}: cannot be written: {weights.Count} tensors");
            Assert.IsFalse(File.Exists(path));
        }
    }

    [TestMethod]
    public void A_folder_that_does_not_exist_is_named()
    {
        using StateDict source = StateDict.Create([("a", [1], [1])]);
        string path = folder.PathOf(Path.Combine("no", "a.pth"));
        Assert.AreEqual($"{path}: cannot be written: its folder does not exist.",
            Assert.ThrowsExactly<WeightsException>(() => TorchZipWriter.Write(source, path)).Message);
    }

    /// <summary>Fails unless names, order, shapes, element types and bits are the same.</summary>
    internal static void AssertSame(StateDict expected, StateDict actual)
    {
        CollectionAssert.AreEqual(expected.Keys.ToArray(), actual.Keys.ToArray());
        foreach (StateTensor tensor in expected.Values) AssertSame(tensor, actual[tensor.Name]);
    }

    /// <summary>Fails unless shape, element type and bits are the same.</summary>
    internal static void AssertSame(StateTensor expected, StateTensor actual)
    {
        Assert.AreEqual(expected.DataType, actual.DataType, expected.Name);
        CollectionAssert.AreEqual(expected.Shape.ToArray(), actual.Shape.ToArray(), expected.Name);
        Assert.IsTrue(Bytes(expected).AsSpan().SequenceEqual(Bytes(actual)), expected.Name);
    }

    private static byte[] Bytes(StateTensor tensor)
    {
        byte[] bytes = new byte[tensor.Count * tensor.DataType.Size()];
        tensor.CopyBytes(0, bytes);
        return bytes;
    }

    private sealed class HugeTensor : StateTensor
    {
        public override void CopyTo(Span<float> destination) => Assert.Fail("must not be read");

        internal override void CopyBytes(long first, Span<byte> destination) => Assert.Fail("must not be read");
    }
}
