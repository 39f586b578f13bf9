using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>Times of a run's steps, and how much memory each needs.</summary>
[TestClass]
public sealed class StepTimesTests
{
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 4, BaseWidth = 4, NumClasses = 10 };

    private static SessionOptions Small => new() { Height = 64, Width = 64, MaxBatch = 2 };

    [TestMethod]
    public void Every_step_that_makes_the_logits_has_a_time()
    {
        using ResNet model = ResNet.Create(Thin);
        StepTimes times = StepTimes.Measure(model, ComputeDevice.Cpu, Small, runs: 4);
        // Softmax makes probabilities, for which nobody asks.
        Assert.HasCount(times.Plan.Steps.Length - 1, times.StepMs);
        Assert.IsTrue(times.StepMs.All(ms => ms > 0));
        Assert.AreEqual(times.DeviceMs, times.StepMs.Sum(), 1e-9);
        Assert.IsGreaterThan(0, times.EndToEndMs);
        Assert.AreEqual(2, times.Plan.MaxBatch);
    }

    [TestMethod]
    public void What_classifies_nothing_is_timed_too()
    {
        using ResNet model = ResNet.Create(Thin);
        StepTimes times = StepTimes.Measure(model, ComputeDevice.Cpu, Small with { Outputs = ["layer2"] }, runs: 1);
        Assert.HasCount(times.Plan.Steps.Length, times.StepMs);
        StringAssert.StartsWith(times.Plan.Steps[^1].Node.Name, "layer2");
    }

    [TestMethod]
    public void Runs_must_be_positive_and_can_be_cancelled()
    {
        using ResNet model = ResNet.Create(Thin);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => StepTimes.Measure(model, ComputeDevice.Cpu, Small, runs: 0));
        Assert.ThrowsExactly<OperationCanceledException>(
            () => StepTimes.Measure(model, ComputeDevice.Cpu, Small, cancellation: new CancellationToken(canceled: true)));
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Memory_in_use_holds_each_steps_tensors_and_is_at_most_the_lower_bound(int batch)
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50);
        ExecutionPlan plan = ExecutionPlan.Create(model, maxBatch: batch);
        Assert.AreEqual(plan.ArenaLowerBound, plan.Steps.Max(step => step.ArenaInUse));
        foreach (PlanStep step in plan.Steps)
        {
            // A sum may be written over its residual.
            long least = batch * ((long)step.Input.Shape.Count + step.Output.Shape.Count);
            if (step.Residual is { } residual && residual.Offset != step.Output.Offset) least += batch * (long)residual.Shape.Count;
            Assert.IsGreaterThanOrEqualTo(least, step.ArenaInUse, step.Node.Name);
        }
    }
}
