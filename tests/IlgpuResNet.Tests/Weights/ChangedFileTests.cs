using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// A file that another program cuts, rewrites, replaces or deletes while it is loaded or in use: an error that says so, or the content as
/// it was; never the end of this process, which a mapped file would bring.
/// </summary>
[TestClass]
public sealed class ChangedFileTests : IDisposable
{
    private static readonly string[] Formats = ["views.pth", "views.stream.pth", "views.safetensors", "types.onnx", "external.onnx"];

    private readonly WeightsFolder folder = new(inMemory: true);

    public static IEnumerable<object[]> AllFormats => Formats.Select(name => new object[] { name });

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DynamicData(nameof(AllFormats))]
    public void A_file_cut_after_loading_is_refused(string name)
    {
        string path = Copy(name), holder = Holder(name);
        using IDisposable weights = Load(path, out IEnumerable<StateTensor> tensors);
        using (FileStream file = new(holder, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) file.SetLength(file.Length / 2);
        AssertChanged(tensors, holder);
    }

    [TestMethod]
    [DynamicData(nameof(AllFormats))]
    public void A_file_rewritten_after_loading_is_refused(string name)
    {
        string path = Copy(name), holder = Holder(name);
        using IDisposable weights = Load(path, out IEnumerable<StateTensor> tensors);
        Rewrite(holder, File.ReadAllBytes(holder));
        AssertChanged(tensors, holder);
    }

    [TestMethod]
    [DynamicData(nameof(AllFormats))]
    public void A_file_replaced_or_deleted_after_loading_is_read_as_it_was(string name)
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("Windows does not replace an open file.");
        string path = Copy(name), holder = Holder(name);
        using IDisposable weights = Load(path, out IEnumerable<StateTensor> tensors);
        float[][] before = [.. tensors.Select(tensor => tensor.ToArray())];
        File.WriteAllBytes(holder + ".new", new byte[100]);
        File.Move(holder + ".new", holder, overwrite: true);
        AssertSame(before, tensors);
        File.Delete(holder);
        AssertSame(before, tensors);
    }

    /// <summary>A defect may come from two states of the file that were read as one.</summary>
    [TestMethod]
    public void A_defect_found_while_the_file_changes_is_a_change()
    {
        string path = folder.Write("changed", new byte[100]);
        MakeOld(path);
        using WeightsFile file = WeightsFile.Open(path);
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => file.Parse<int>(_ =>
        {
            Rewrite(path, new byte[100]);
            throw new WeightsException("a defect");
        }));
        StringAssert.StartsWith(error.Message, $"{path}: was changed");
        using WeightsFile again = WeightsFile.Open(path);
        error = Assert.ThrowsExactly<WeightsException>(() => again.Parse<int>(_ => throw new WeightsException("a defect")));
        Assert.AreEqual("a defect", error.Message);
    }

    private static void AssertChanged(IEnumerable<StateTensor> tensors, string holder)
    {
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() =>
        {
            foreach (StateTensor tensor in tensors) tensor.ToArray();
        });
        StringAssert.StartsWith(error.Message, $"{holder}: was c");
        Assert.IsTrue(error.Message.Contains(": was changed while it was in use", StringComparison.Ordinal)
            || error.Message.Contains(": was cut off at byte", StringComparison.Ordinal), error.Message);
    }

    private static void AssertSame(float[][] before, IEnumerable<StateTensor> tensors)
    {
        foreach ((float[] values, StateTensor tensor) in before.Zip(tensors)) CollectionAssert.AreEqual(values, tensor.ToArray());
    }

    private static IDisposable Load(string path, out IEnumerable<StateTensor> tensors)
    {
        if (path.EndsWith(".onnx", StringComparison.Ordinal))
        {
            OnnxFile onnx = OnnxFile.Load(path);
            tensors = onnx.Graph.Initializers.Values;
            return onnx;
        }
        StateDict weights = StateDict.Load(path);
        tensors = weights.Values;
        return weights;
    }

    private static void Rewrite(string path, byte[] content)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(0);
        file.Write(content);
    }

    /// <summary>Clocks of file systems are coarse: a file that was written a moment ago may be written again at the same time.</summary>
    private static void MakeOld(string path) => File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-1));

    private string Copy(string name)
    {
        string path = folder.PathOf(name);
        if (name.EndsWith(".safetensors", StringComparison.Ordinal))
        {
            using StateDict weights = StateDict.Load(WeightsFolder.Golden(Path.ChangeExtension(name, ".pth")));
            weights.Save(path);
        }
        else
        {
            string golden = name.EndsWith(".onnx", StringComparison.Ordinal) ? OnnxFolder.Golden(name) : WeightsFolder.Golden(name);
            folder.Write(name, File.ReadAllBytes(golden));
        }
        foreach (string external in new[] { "external.bin", "part/external.bin" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(folder.PathOf(external))!);
            MakeOld(folder.Write(external, File.ReadAllBytes(OnnxFolder.Golden(external))));
        }
        MakeOld(path);
        return path;
    }

    /// <summary>The file that holds the tensors of a model.</summary>
    private string Holder(string name) => folder.PathOf(name == "external.onnx" ? "external.bin" : name);
}
