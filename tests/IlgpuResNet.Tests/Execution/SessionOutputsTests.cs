namespace IlgpuResNet.Tests;

/// <summary>Tensors from inside a network: what comes later must follow from them, in the order of dimensions that PyTorch has.</summary>
public abstract class SessionOutputsTests(BackEnd backEnd)
{
    private const int Seed = 11, Side = 64, Batch = 2;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 3, NumClasses = 7 };

    private ComputeDevice device = null!;
    private ResNet model = null!;

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public void Open()
    {
        device = TestDevice.OpenCompute(backEnd, TestContext);
        model = ResNet.Create(Thin, Seed);
    }

    [TestCleanup]
    public void Close() => model?.Dispose();

    [TestMethod]
    public void Logits_follow_from_the_features()
    {
        float[][] results = Run("flatten", "fc", "logits");
        float[] weight = model.Weights["fc.weight"].ToArray(), bias = model.Weights["fc.bias"].ToArray();
        double[] expected = new double[Batch * Thin.NumClasses];
        for (int i = 0; i < expected.Length; i++)
        {
            (int image, int k) = Math.DivRem(i, Thin.NumClasses);
            expected[i] = bias[k];
            for (int c = 0; c < Thin.Features; c++)
                expected[i] += (double)weight[k * Thin.Features + c] * results[0][image * Thin.Features + c];
        }
        double tolerance = 4 * TestData.Epsilon * (Thin.Features * TestData.MaxMagnitude(weight) * TestData.MaxMagnitude(results[0])
            + TestData.MaxMagnitude(bias));
        TestData.AssertClose(expected, results[1], tolerance, "fc");
        TestData.AssertSameBits(results[1], results[2], "two names of one tensor");
        using var plain = new InferenceSession(model, device, new SessionOptions { MaxBatch = Batch, Height = Side, Width = Side });
        float[] logits = new float[expected.Length];
        plain.Run(Input(), logits);
        TestData.AssertSameBits(logits, results[1], "the same as without names");
    }

    [TestMethod]
    public void Maps_have_channels_first()
    {
        float[][] results = Run("layer4", "avgpool");
        int pixels = results[0].Length / Batch / Thin.Features;
        double[] expected = new double[Batch * Thin.Features];
        for (int i = 0; i < expected.Length; i++)
            for (int pixel = 0; pixel < pixels; pixel++) expected[i] += (double)results[0][i * pixels + pixel] / pixels;
        TestData.AssertClose(expected, results[1], 4 * TestData.Epsilon * pixels * TestData.MaxMagnitude(results[0]), "mean of layer4");
    }

    /// <summary>Fusion removes these tensors unless they are asked for.</summary>
    [TestMethod]
    public void Tensors_that_fusion_removes_are_kept_when_asked_for()
    {
        float[][] results = Run("layer2.0.bn2", "layer2.0.relu2", "layer2.0.bn3", "layer2.0.downsample.1", "layer2.0");
        TestData.AssertSameBits(Array.ConvertAll(results[0], v => v < 0 ? 0 : v), results[1], "relu2 of bn2");
        float[] sum = [.. results[2].Zip(results[3], (a, b) => a + b < 0 ? 0 : a + b)];
        TestData.AssertSameBits(sum, results[4], "the block's output");
    }

    [TestMethod]
    public void Only_what_is_asked_for_is_computed_and_kept()
    {
        using var early = new InferenceSession(model, device, new SessionOptions { Height = Side, Width = Side, Outputs = ["layer1"] });
        using var whole = new InferenceSession(model, device, new SessionOptions { Height = Side, Width = Side });
        Assert.AreEqual("layer1.2.conv3", early.Plan.Steps[^1].Node.Name);
        Assert.IsLessThan(whole.Plan.Steps.Length, early.Plan.Steps.Length);
        Assert.IsLessThanOrEqualTo(whole.Plan.ArenaLength, early.Plan.ArenaLength);
        CollectionAssert.AreEqual(new[] { 12, 16, 16 }, early.Outputs[0].Shape);
        CollectionAssert.AreEqual(new[] { "logits", "probabilities" }, whole.Outputs.Select(output => output.Name).ToArray());
    }

    [TestMethod]
    public void What_a_session_does_not_give_is_refused_by_name()
    {
        var missing =
            Assert.ThrowsExactly<GraphException>(() => new InferenceSession(model, device, new SessionOptions { Outputs = ["layer9"] }));
        StringAssert.Contains(missing.Message, "no tensor called 'layer9'");
        using var session = new InferenceSession(model, device, new SessionOptions { Height = Side, Width = Side, Outputs = ["layer1"] });
        float[] image = new float[session.Input.Length], logits = new float[Thin.NumClasses];
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => session.Run(image, logits)).Message,
            "gives 'layer1' [12, 16, 16] and no class scores");
        StringAssert.Contains(
            Assert.ThrowsExactly<GraphException>(() => session.Run(image, [logits])).Message, "layer1 of 1 images are 3072 floats");
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => session.Run(image, [logits, logits])).Message, "1 outputs");
    }

    private float[] Input() => TestData.Uniform(new Random(Seed), Batch * 3 * Side * Side);

    private float[][] Run(params string[] names)
    {
        using var session =
            new InferenceSession(model, device, new SessionOptions { MaxBatch = Batch, Height = Side, Width = Side, Outputs = [.. names] });
        float[][] results = [.. session.Outputs.Select(output => new float[Batch * output.Length])];
        session.Run(Input(), [.. results.Select(result => result.AsMemory())]);
        return results;
    }
}

[TestClass]
public sealed class SessionOutputsCpuTests() : SessionOutputsTests(BackEnd.Cpu);

[TestClass, TestCategory("OpenCL")]
public sealed class SessionOutputsOpenCLTests() : SessionOutputsTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class SessionOutputsCudaTests() : SessionOutputsTests(BackEnd.Cuda);
