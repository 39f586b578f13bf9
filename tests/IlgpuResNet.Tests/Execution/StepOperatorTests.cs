using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>Nodes that no kernel computes.</summary>
[TestClass]
public sealed class StepOperatorTests
{
    [TestMethod]
    public void A_node_that_was_not_lowered_is_refused_by_name()
    {
        var relu = new ReluNode { Name = "layer1.0.relu", Inputs = ["input"], Output = "relu" };
        ExecutionPlan plan = ExecutionPlan.Create(new Graph("g", "input", 8, ["relu"], [relu]), 6, 6, 1);
        string message = Assert.ThrowsExactly<GraphException>(() => StepOperator.Of(plan, [default])).Message;
        StringAssert.StartsWith(message, "layer1.0.relu: ReluNode must be lowered");
    }
}
