using System.Runtime.InteropServices;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary><see cref="RoundingBound"/> is wide where terms cancel, but not as wide as the error of a wrong weight.</summary>
[TestClass]
public sealed class RoundingBoundTests
{
    /// <summary>A network whose last sum nearly cancels.</summary>
    private const int IllConditioned = 22_485;

    /// <summary>Between the bounds of that network and of others.</summary>
    private const double Limit = 1e-4;

    [TestMethod]
    public void Rounding_explains_little_where_nothing_cancels()
    {
        for (int seed = 20_001; seed <= 20_010; seed++)
            Assert.IsLessThan(Limit, BoundsOf(RandomNetwork.Create(seed)).Max(), $"seed {seed}");
    }

    [TestMethod]
    public void A_wrong_weight_is_not_taken_for_rounding()
    {
        RandomNetwork network = RandomNetwork.Create(IllConditioned);
        double bound = BoundsOf(network)[0];
        Assert.IsGreaterThan(Limit, bound);
        StateTensor filter = network.Model.Initializers.First(tensor => tensor.Shape.Length == 4);
        OnnxModelToWrite wrong = network.Model with { Initializers = network.Model.Initializers.Replace(filter, Spoil(filter)) };
        double error = OnnxExportRuntime.RelativeError(Run(network, wrong)[0], Run(network, network.Model)[0]);
        Assert.IsGreaterThan(bound, error);
    }

    /// <summary>The tensor with its first element too large by a hundredth.</summary>
    private static BytesTensor Spoil(StateTensor tensor)
    {
        float[] values = new float[tensor.Shape.Aggregate(1, (product, size) => product * size)];
        tensor.CopyTo(values);
        values[0] *= 1.01f;
        return new BytesTensor
        {
            Name = tensor.Name,
            Shape = tensor.Shape,
            DataType = DataType.Float32,
            Values = MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
        };
    }

    private static double[] BoundsOf(RandomNetwork network) =>
        RoundingBound.Of(network, OnnxImporterRandomTests.ImagesOf(network), (model, images) => Run(network, model, images));

    private static float[][] Run(RandomNetwork network, OnnxModelToWrite model, float[]? images = null)
    {
        using var folder = new WeightsFolder(inMemory: true);
        return OnnxImporterRandomTests.TheirOutputs(
            folder.PathOf("network.onnx"), network, model, images ?? OnnxImporterRandomTests.ImagesOf(network));
    }
}
