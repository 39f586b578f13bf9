using System.Text.Json;
using IlgpuResNet.Files;
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
    [DataRow("complex.pth", "tensor weight depends on a torch.ComplexFloatStorage, whose element type is not supported")]
    [DataRow("compressed.pth", "entry archive/data.pkl is compressed or encrypted")]
    [DataRow("single_tensor.pth", "holds no state dict but a single tensor")]
    [DataRow("single_tensor.stream.pth", "holds no state dict but a single tensor")]
    [DataRow("no_state_dict.pth", "its entries are: epoch, lr")]
    [DataRow("no_state_dict.stream.pth", "its entries are: epoch, lr")]
    public void Refuses(string name, string part) => WeightsFolder.Refused(WeightsFolder.Golden(name), part);

    /// <summary>The files ask Python to call os.system beside their tensor.</summary>
    [TestMethod]
    [DataRow("evil.pth")]
    [DataRow("evil.stream.pth")]
    public void Reads_the_tensors_beside_a_call_and_makes_no_call(string name)
    {
        using StateDict weights = StateDict.Load(WeightsFolder.Golden(name));
        Assert.AreEqual("weight", string.Join(", ", weights.Keys));
        Assert.IsFalse(File.Exists("executed-by-a-weights-file"));
    }

    [TestMethod]
    public void Reads_a_pickled_module_as_its_state_dict()
    {
        using StateDict weights = StateDict.Load(WeightsFolder.Golden("module.pth"));
        Dictionary<string, ExpectedTensor> expected = Expected["model_entry.pth"];
        CollectionAssert.AreEqual(expected.Keys.ToArray(), weights.Keys.ToArray());
        foreach ((string name, ExpectedTensor tensor) in expected) Assert.AreSequenceEqual(tensor.Shape, weights[name].Shape);
    }

    [TestMethod]
    public void Reads_the_attributes_of_a_TorchScript_module()
    {
        using StateDict weights = StateDict.Load(WeightsFolder.Golden("script.pth"));
        Assert.AreEqual("weight [2, 2], bias [2]", string.Join(", ", weights.Values.Select(t => $"{t.Name} {FileText.Shape(t.Shape)}")));
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
