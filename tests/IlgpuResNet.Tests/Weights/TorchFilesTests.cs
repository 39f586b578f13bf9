using System.Text.Json;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Files made by <c>data/weights/make_weights_goldens.py</c>, with what PyTorch says they hold.</summary>
[TestClass]
public sealed class TorchFilesTests
{
    private static readonly Dictionary<string, Dictionary<string, ExpectedTensor>> Expected =
        JsonSerializer.Deserialize<Dictionary<string, Dictionary<string, ExpectedTensor>>>(
            File.ReadAllText(WeightsFolder.Golden("expected.json")), JsonSerializerOptions.Web)!;

    public static IEnumerable<object[]> Files => Expected.Keys.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Reads_what_PyTorch_saved(string name)
    {
        using StateDict weights = StateDict.Load(WeightsFolder.Golden(name));
        Check(name, weights);
    }

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Saves_it_as_safetensors_of_the_same_types(string name)
    {
        using var folder = new WeightsFolder();
        string path = folder.PathOf("copy.safetensors");
        using (StateDict weights = StateDict.Load(WeightsFolder.Golden(name))) weights.Save(path);
        using StateDict copy = StateDict.Load(path);
        Check(name, copy);
    }

    [TestMethod]
    [DataRow("evil.pth", "it asks Python to call os.system")]
    [DataRow("evil.stream.pth", "it asks Python to call os.system")]
    [DataRow("module.pth", "it is a whole pickled model (torch.nn.modules.container.Sequential)")]
    [DataRow("script.pth", "it is a TorchScript program (__torch__.torch.nn.modules.linear.Linear)")]
    [DataRow("complex.pth", "it holds a torch.ComplexFloatStorage")]
    [DataRow("compressed.pth", "entry archive/data.pkl is compressed or encrypted")]
    [DataRow("single_tensor.pth", "holds no state dict but a single tensor")]
    [DataRow("single_tensor.stream.pth", "holds no state dict but a single tensor")]
    [DataRow("no_state_dict.pth", "its entries are: epoch, lr")]
    [DataRow("no_state_dict.stream.pth", "its entries are: epoch, lr")]
    public void Refuses(string name, string part)
    {
        WeightsException error = WeightsFolder.Refused(WeightsFolder.Golden(name), part);
        if (!error.Message.Contains("asks Python", StringComparison.Ordinal)) return;
        StringAssert.Contains(error.Message, "nothing was executed", StringComparison.Ordinal);
        StringAssert.Contains(error.Message, "torch.save(model.state_dict(), path)", StringComparison.Ordinal);
        Assert.IsFalse(File.Exists("executed-by-a-weights-file"));
    }

    [TestMethod]
    [DataRow("plain.pth")]
    [DataRow("plain.stream.pth")]
    public void Refuses_a_file_cut_off_anywhere(string name)
    {
        using var folder = new WeightsFolder();
        byte[] whole = File.ReadAllBytes(WeightsFolder.Golden(name));
        for (int length = 0; length < whole.Length; length++)
            WeightsFolder.Refused(folder.Write("cut.pth", whole.AsSpan(0, length)), "");
    }

    private static void Check(string name, StateDict weights)
    {
        CollectionAssert.AreEqual(Expected[name].Keys.ToArray(), weights.Keys.ToArray());
        foreach ((string key, ExpectedTensor expected) in Expected[name])
        {
            StateTensor tensor = weights[key];
            Assert.AreEqual(expected.Type, tensor.DataType.ToString(), ignoreCase: true, key);
            Assert.AreSequenceEqual(expected.Shape, tensor.Shape);
            CollectionAssert.AreEqual(expected.Values, tensor.ToArray(), key);
        }
    }

    private sealed record ExpectedTensor(string Type, int[] Shape, float[] Values);
}
