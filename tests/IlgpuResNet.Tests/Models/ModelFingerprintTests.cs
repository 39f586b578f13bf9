namespace IlgpuResNet.Tests;

/// <summary><see cref="Model.Fingerprint"/> tells networks with other features apart, and nothing else.</summary>
[TestClass]
public sealed class ModelFingerprintTests
{
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2, NumClasses = 10 };

    [TestMethod]
    public void It_depends_on_weights_computation_and_preset_alone()
    {
        using ResNet model = ResNet.Create(Thin, 3), again = ResNet.Create(Thin, 3), otherWeights = ResNet.Create(Thin, 4);
        ResNet otherStride = ResNet.Create(Thin with { StridePlacement = StridePlacement.FirstConv1x1 }, model.Weights);
        ResNet otherPreset = ResNet.FromWeights(model.Weights, preset: ImagePreset.ImageNet1KV2);
        string expected = model.Fingerprint();
        StringAssert.Matches(expected, new("^[0-9a-f]{32}$"));
        Assert.AreEqual(expected, again.Fingerprint());
        Assert.AreEqual(expected, model.WithClassNames(Enumerable.Range(0, 10).Select(i => $"class {i}")).Fingerprint());
        foreach (ResNet other in new[] { otherWeights, otherStride, otherPreset }) Assert.AreNotEqual(expected, other.Fingerprint());
        model.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Fingerprint());
    }
}
