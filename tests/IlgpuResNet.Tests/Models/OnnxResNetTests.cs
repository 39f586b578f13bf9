using System.Collections.Immutable;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Weights taken out of an ONNX file must compute what its graph does: strides and epsilons stand in the graph alone.</summary>
[TestClass]
public sealed class OnnxResNetTests
{
    private static readonly ResNetConfig Thin =
        ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2, NumClasses = 5, Depths = [1, 2] };

    private readonly string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + ".onnx");

    [TestCleanup]
    public void Delete() => File.Delete(path);

    [TestMethod]
    [DataRow(StridePlacement.Conv3x3)]
    [DataRow(StridePlacement.FirstConv1x1)]
    public void The_variant_is_found_in_the_graph(StridePlacement placement)
    {
        Save(Thin with { StridePlacement = placement });
        using StateDict weights = OnnxStateDict.Load(path);
        Assert.AreEqual(placement, OnnxResNet.Recognise(path, weights, variant: null).Config.StridePlacement);
    }

    [TestMethod]
    public void A_graph_that_the_weights_alone_do_not_give_is_refused()
    {
        Save(Thin with { BatchNormEpsilon = 1e-3 });
        AssertRefused("the batch norm or activation after conv1.weight differs");
        Save(Thin with { ReplaceStrideWithDilation = [true] });
        AssertRefused("the stride, padding, dilation or groups of layer2.0.conv2.weight differ");
        Save(Thin with { FixedPool = 7 });
        AssertRefused("its pools");
    }

    private void AssertRefused(string difference)
    {
        using StateDict weights = OnnxStateDict.Load(path);
        StringAssert.Contains(
            Assert.ThrowsExactly<WeightsException>(() => OnnxResNet.Recognise(path, weights, variant: null)).Message, difference);
    }

    /// <summary>Without metadata, as other exporters write.</summary>
    private void Save(ResNetConfig config)
    {
        using ResNet model = ResNet.Create(config, seed: 3);
        OnnxModelToWrite onnx = OnnxExporter.Export(
            ResNetGraph.Build(config, model.Weights), new OnnxExportOptions { Height = 64, Width = 64 },
            ImmutableDictionary<string, string>.Empty);
        using FileStream stream = File.Create(path);
        OnnxWriter.Write(stream, onnx);
    }
}
