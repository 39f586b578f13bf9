using System.Text;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class StateDictTests : IDisposable
{
    private const string OneFloat = """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""";

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer")]
    [DataRow("<!DOCTYPE html><html>", "an HTML page")]
    [DataRow("\n <html>", "an HTML page")]
    [DataRow("<?xml version=\"1.0\"?>", "an XML file")]
    [DataRow("{\"error\":\"not found\"}", "a JSON file")]
    [DataRow("hello, world\n", "a text file")]
    [DataRow("\u0008\u0007\u0012\u0007pytorch\u001a", "an ONNX model")]
    [DataRow("\u0089HDF\r\n", "an HDF5 file")]
    [DataRow("GGUF\u0003", "a GGUF file")]
    [DataRow("\u001f\u008b\u0008", "a gzip file")]
    [DataRow("PK\u0005\u0006", "an empty or split zip")]
    [DataRow("\u0080\u0004\u0095", "a Python pickle that torch.save did not write")]
    [DataRow("\u0001\u0002\u0003\u00ff", "its first bytes are 010203FF")]
    public void Says_what_a_wrong_file_looks_like(string content, string part) =>
        WeightsFolder.Refused(folder.Write("model.pth", Encoding.Latin1.GetBytes(content)), part);

    [TestMethod]
    public void Refuses_missing_empty_and_folder()
    {
        WeightsFolder.Refused(folder.PathOf("none.pth"), "no such file");
        WeightsFolder.Refused(folder.PathOf("none/none.pth"), "no such file");
        WeightsFolder.Refused(folder.Write("empty.pth", []), "is empty");
        Directory.CreateDirectory(folder.PathOf("folder"));
        WeightsFolder.Refused(folder.PathOf("folder"), "is a folder");
    }

    [TestMethod]
    public void Strips_module_only_where_every_name_has_it()
    {
        using StateDict all =
            StateDict.Load(folder.WriteSafetensors("""{"module.a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}""", [1], "all"));
        Assert.IsTrue(all.ContainsKey("a"));
        using StateDict some =
            StateDict.Load(
                folder.WriteSafetensors(
                    """{"module.a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}""",
                    [1, 2], "some"));
        Assert.AreEqual("module.a, b", string.Join(", ", some.Keys));
    }

    [TestMethod]
    public void Refuses_two_names_that_become_one()
    {
        string header =
            """{"fc.weight":{"dtype":"U8","shape":[],"data_offsets":[0,1]}"""
            + ""","classifier.1.weight":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}""";
        WeightsFolder.Refused(folder.WriteSafetensors(header, [1, 2]), "two tensors are called fc.weight");
    }

    [TestMethod]
    public void Names_the_file_and_the_tensor_that_is_missing()
    {
        using StateDict weights = StateDict.Create([("a", [2], new float[2])], "made");
        Assert.AreEqual("made: tensor b is missing.", Assert.ThrowsExactly<WeightsException>(() => weights["b"]).Message);
    }

    [TestMethod]
    public void Refuses_values_that_do_not_fill_the_shape()
    {
        Assert.ThrowsExactly<ArgumentException>(() => StateDict.Create([("a", [2, 3], new float[5])]));
        using StateDict weights = StateDict.Create([("a", [2, 3], new float[6])]);
        Assert.ThrowsExactly<ArgumentException>(() => weights["a"].CopyTo(new float[7]));
    }

    [TestMethod]
    public void Closes_once_and_says_so()
    {
        StateDict weights = StateDict.Load(folder.WriteSafetensors(OneFloat, new byte[4]));
        weights.Dispose();
        weights.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => weights["a"].ToArray());
    }

    [TestMethod]
    [OSCondition(OperatingSystems.Linux)]
    public void A_file_that_is_cut_off_after_it_was_opened_is_refused_when_it_is_read()
    {
        string path = folder.WriteSafetensors(OneFloat, new byte[4]);
        using StateDict weights = StateDict.Load(path);
        using (var writer = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite)) writer.SetLength(writer.Length - 1);
        WeightsException e = Assert.ThrowsExactly<WeightsException>(() => weights["a"].ToArray());
        Assert.StartsWith($"{path}: was cut off", e.Message);
    }

    [TestMethod]
    public void Saving_replaces_a_file_whole_and_keeps_it_on_failure()
    {
        string path = folder.Write("model.safetensors", "precious"u8);
        using StateDict good = StateDict.Create([("a", [1], [5f])]);
        StateDict closed = StateDict.Load(folder.WriteSafetensors(OneFloat, new byte[4]));
        closed.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => closed.Save(path));
        Assert.AreEqual("precious", File.ReadAllText(path));

        good.Save(path);
        using StateDict read = StateDict.Load(path);
        Assert.AreEqual(5f, read["a"].ToArray()[0]);
        // The file may be replaced by what is read from it.
        read.Save(path, new Dictionary<string, string> { ["k"] = "v" });
        using StateDict again = StateDict.Load(path);
        Assert.AreEqual("v", again.Metadata["k"]);
        Assert.IsEmpty(Directory.GetFiles(Path.GetDirectoryName(path)!, "*.part"));
    }

    [TestMethod]
    public void Refuses_an_output_that_cannot_be_written()
    {
        using StateDict weights = StateDict.Create([("a", [1], [5f])]);
        string nowhere = folder.PathOf("none/model.safetensors");
        StringAssert.StartsWith(Assert.ThrowsExactly<WeightsException>(() => weights.Save(nowhere)).Message,
            $"{nowhere}: cannot be written: ", StringComparison.Ordinal);
        Directory.CreateDirectory(folder.PathOf("folder"));
        Assert.ThrowsExactly<WeightsException>(() => weights.Save(folder.PathOf("folder")));
        using StateDict reserved = StateDict.Create([("__metadata__", [1], [5f])]);
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => reserved.Save(folder.PathOf("x"))).Message, "__metadata__",
            StringComparison.Ordinal);
        Assert.IsEmpty(Directory.GetFiles(folder.PathOf(""), "*.part"));
    }

    [TestMethod]
    public void Gives_many_threads_the_same_values()
    {
        float[] values = [.. Enumerable.Range(0, 100_000).Select(i => (float)i)];
        string path = folder.PathOf("threads.safetensors");
        using (StateDict made = StateDict.Create([("a", [100_000], values)])) made.Save(path);
        using StateDict weights = StateDict.Load(path);
        Parallel.For(0, 64, _ => Assert.IsTrue(values.AsSpan().SequenceEqual(weights["a"].ToArray())));
    }
}
