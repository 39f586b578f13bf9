using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Tensors made in a test.</summary>
internal static class TestTensors
{
    public static StateTensor Create(string name, ImmutableArray<int> shape, float[] values) =>
        StateDict.Create([(name, shape, values)])[name];
}
