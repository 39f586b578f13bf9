using System.Globalization;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Cli;

/// <summary>What a step does, in words.</summary>
internal static class StepKind
{
    public static string Of(PlanStep step) => step.Node switch
    {
        Conv2dNode conv => string.Create(CultureInfo.InvariantCulture, $"conv {conv.Weight.Shape[2]}x{conv.Weight.Shape[3]}/{conv.Window.StrideH}"),
        LinearNode => "linear",
        PointwiseNode => "pointwise",
        Pool2dNode { Kernel: null } => "global average pool",
        Pool2dNode { Kernel: var (r, s) } pool => string.Create(CultureInfo.InvariantCulture, $"{(pool.Kind is PoolKind.Max ? "max" : "average")} pool {r}x{s}/{pool.Window.StrideH}"),
        _ => "softmax",
    };
}
