using System.Text.Json;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// Checkpoints that PyTorch wrote in six containers, with other prefixes, heads and architectures, and PyTorch's answers:
/// <c>tests/reference/checkpoint_matrix.py</c>, which also compares any number of others.
/// </summary>
[TestClass]
public sealed class CheckpointTests
{
    private const double Tolerance = 1e-5;

    /// <summary>The batch norms' epsilon that the script gives its pickled modules.</summary>
    private const double PickledEpsilon = 1e-3;

    public static IEnumerable<object[]> Files =>
        JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(PathOf("checkpoints.json")))!
            .Select(entry => new object[] { entry.Key, entry.Value });

    [TestMethod]
    [DynamicData(nameof(Files))]
    public void Answers_as_PyTorch_does(string name, string what)
    {
        NpyArray input = NpyArray.Load(PathOf("x.npy"));
        float[] expected = NpyArray.Load(PathOf(Path.ChangeExtension(name, ".y.npy"))).Values;
        using ResNet model = ResNet.Load(PathOf(name));
        var options = new SessionOptions { MaxBatch = 1, Height = input.Shape[2], Width = input.Shape[3] };
        using var session = new InferenceSession(model, ComputeDevice.Get("cpu"), options);
        float[] actual = new float[expected.Length];
        Memory<float>[] outputs = new Memory<float>[session.Outputs.Length];
        outputs[0] = actual;
        session.Run(input.Values, outputs);
        double error = Math.Sqrt(expected.Zip(actual, (want, got) => Math.Pow((double)want - got, 2)).Sum());
        double length = Math.Sqrt(expected.Sum(want => Math.Pow(want, 2)));
        Assert.IsLessThanOrEqualTo(Tolerance, error / length, what);
    }

    [TestMethod]
    public void A_pickled_module_tells_its_strides_and_epsilons()
    {
        using ResNet model = ResNet.Load(PathOf("3.pth"));
        Assert.AreEqual(StridePlacement.FirstConv1x1, model.Config.StridePlacement);
        Assert.AreEqual(PickledEpsilon, model.Config.BatchNormEpsilon);
        Assert.IsEmpty(model.Assumptions);
    }

    [TestMethod]
    public void What_a_checkpoint_holds_beside_its_network_is_left_out_and_said()
    {
        using ResNet model = ResNet.Load(PathOf("2.pth"));
        Assert.AreEqual("criterion.weight", string.Join(", ", model.Weights.LeftOut));
        Assert.EndsWith("left out 1 tensor (criterion.weight) beside the network", Assert.ContainsSingle(model.Warnings));
        Assert.Contains("ReLU", model.Assumptions);
        using ResNet plain = ResNet.Load(PathOf("0.pth"));
        Assert.IsEmpty(plain.Warnings);
    }

    [TestMethod]
    public void A_key_that_names_nothing_is_an_error_that_lists_the_networks()
    {
        WeightsException error = Assert.ThrowsExactly<WeightsException>(
            () => ResNet.Load(PathOf("2.pth"), new ModelOptions { Key = "optimizer" }));
        Assert.Contains("its networks are: model_state_dict.", error.Message);
        using ResNet chosen = ResNet.Load(PathOf("2.pth"), new ModelOptions { Key = "model_state_dict" });
        Assert.AreEqual(7, chosen.NumClasses);
    }

    /// <summary>Path of one of the files.</summary>
    internal static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "data", "checkpoints", name);
}
