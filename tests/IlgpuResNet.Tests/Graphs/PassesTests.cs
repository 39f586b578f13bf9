using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class PassesTests
{
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 8, BaseWidth = 4, NumClasses = 10 };

    [TestMethod]
    public void A_ResNet50_becomes_one_step_per_convolution_two_pools_fc_and_softmax()
    {
        using ResNet model = ResNet.Create(Thin);
        Node[] nodes = [.. model.Graph.Nodes.Where(node => node is not ViewNode)];
        Assert.HasCount(53, nodes.OfType<Conv2dNode>());
        Assert.HasCount(57, nodes);
        Assert.IsEmpty(nodes.OfType<PointwiseNode>());
        Assert.AreEqual(16, nodes.Count(node => node is Conv2dNode { Epilogue.HasResidual: true }));
    }

    [TestMethod]
    public void Batch_norm_becomes_scale_and_shift()
    {
        var norm = new BatchNormNode
        {
            Name = "bn",
            Inputs = ["input"],
            Output = "bn",
            Weight = TestTensors.Create("weight", [2], [2f, -3f]),
            Bias = TestTensors.Create("bias", [2], [0.5f, 1f]),
            RunningMean = TestTensors.Create("mean", [2], [10f, -4f]),
            RunningVar = TestTensors.Create("var", [2], [3.75f, 0f]),
            Epsilon = 0.25,
        };
        Graph graph = Passes.Optimize(new Graph("g", "input", 2, ["bn"], [norm]));
        EpilogueSpec epilogue = ((PointwiseNode)graph.Nodes.Single()).Epilogue;
        CollectionAssert.AreEqual(new[] { 1.0, -6.0 }, epilogue.Scale!.Value);
        CollectionAssert.AreEqual(new[] { 0.5 - 10, 1.0 - 24 }, epilogue.Shift!.Value);
    }

    [TestMethod]
    public void A_tensor_with_two_readers_is_not_fused_away()
    {
        Graph graph = Passes.Optimize(new Graph("g", "input", 1, ["sum"],
        [
            Conv("conv", "input"),
            new ReluNode { Name = "relu", Inputs = ["conv"], Output = "relu" },
            new AddNode { Name = "sum", Inputs = ["conv", "relu"], Output = "sum" },
        ]));
        Assert.AreEqual(EpilogueSpec.Identity, ((Conv2dNode)graph.Nodes[0]).Epilogue);
        var pointwise = (PointwiseNode)graph.Nodes.Single(node => node is PointwiseNode);
        Assert.IsTrue(pointwise.Epilogue.HasResidual && pointwise.Epilogue.ReluBeforeAdd, "relu and add are one point-wise node");
        Assert.AreEqual("conv", pointwise.Inputs[1]);
    }

    [TestMethod]
    public void An_add_is_taken_up_by_the_convolution_that_runs_last()
    {
        Graph graph = Passes.Optimize(new Graph("g", "input", 1, ["out"],
        [
            Conv("a", "input"),
            Conv("b", "input"),
            new AddNode { Name = "add", Inputs = ["a", "b"], Output = "add" },
            new ReluNode { Name = "relu", Inputs = ["add"], Output = "out" },
        ]));
        Assert.HasCount(2, graph.Nodes);
        var last = (Conv2dNode)graph.Nodes[1];
        CollectionAssert.AreEqual(new[] { "input", "a" }, last.Inputs);
        Assert.IsTrue(last.Epilogue is { HasResidual: true, Relu: true, ReluBeforeAdd: false });
    }

    /// <summary>Composing two epilogues must give what doing one after the other gives, for all pairs that can be composed.</summary>
    [TestMethod]
    public void Composed_epilogues_do_both()
    {
        EpilogueSpec[] specs = [.. AllSpecs()];
        int composed = 0;
        foreach (EpilogueSpec first in specs)
        {
            foreach (EpilogueSpec second in specs)
            {
                if (!first.TryThen(second, out EpilogueSpec? both)) continue;
                composed++;
                foreach (double value in new[] { -2.0, -0.25, 0.75, 3.0 })
                {
                    foreach (double residual in new[] { -1.5, 1.25 })
                        Assert.AreEqual(Apply(second, Apply(first, value, residual), residual), Apply(both, value, residual), 1e-12,
                            $"{first} then {second} at {value}, {residual}");
                }
            }
        }
        Assert.IsGreaterThan(specs.Length, composed);
    }

    private static IEnumerable<EpilogueSpec> AllSpecs() =>
        from scale in new ImmutableArray<double>?[] { null, [-0.5] }
        from shift in new ImmutableArray<double>?[] { null, [0.75] }
        from form in new[] { (false, false, false), (false, false, true), (true, false, false), (true, false, true), (false, true, false),
            (false, true, true), (true, true, false), (true, true, true) }
        from clip in new (double, double)?[] { null, (-0.5, 2) }
        select new EpilogueSpec
        {
            Scale = scale,
            Shift = shift,
            ReluBeforeAdd = form.Item1,
            HasResidual = form.Item2,
            Relu = form.Item3,
            Clip = clip
        };

    private static double Apply(EpilogueSpec spec, double value, double residual)
    {
        value = value * (spec.Scale?[0] ?? 1) + (spec.Shift?[0] ?? 0);
        if (spec.ReluBeforeAdd) value = Math.Max(value, 0);
        if (spec.HasResidual) value += residual;
        if (spec.Relu) value = Math.Max(value, 0);
        return spec.Clip is var (min, max) ? Math.Clamp(value, min, max) : value;
    }

    private static Conv2dNode Conv(string name, string input) => new()
    {
        Name = name,
        Inputs = [input],
        Output = name,
        Weight = TestTensors.Create(name, [1, 1, 1, 1], [1f]),
    };
}
