using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

/// <summary>Plans whose steps are walked for a few images at a time give the bits of plans that are walked for the whole batch.</summary>
public abstract class SegmentTests(BackEnd backEnd)
{
    private const int Seed = 7_311, MaxBatch = 5;

    private static readonly ResNetConfig Small =
        new() { Block = ResNetBlock.Bottleneck, Depths = [2, 1], StemWidth = 8, BaseWidth = 8, NumClasses = 7 };

    /// <summary>
    /// Height and width of the images. A simulated device takes milliseconds for each tile of 32 pixels; its maps are 6x6 to 2x2, the
    /// others' 10x10 to 3x3.
    /// </summary>
    private readonly int side = backEnd is BackEnd.SimulatedNvidia or BackEnd.SimulatedAmd ? 12 : 20;

    private TestDevice device = null!;

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public void Open() => device = TestDevice.Open(backEnd, TestContext);

    /// <summary>
    /// Slices that leave tails, segments that begin between a block's input and its sum, and outputs that are asked for from inside one;
    /// runs of fewer images than the plan has room for, too.
    /// </summary>
    [TestMethod]
    [DataRow(Numerics.Exact)]
    [DataRow(Numerics.Fast)]
    public void Slices_give_the_bits_of_the_whole_batch(Numerics numerics)
    {
        using ResNet model = ResNet.Create(Small, Seed);
        Graph graph = model.Bind(side, side, ["layer1.0", "logits"]).Graph;
        ExecutionPlan whole = ExecutionPlan.Create(graph, side, side, MaxBatch);
        int steps = whole.Steps.Length;
        // The second segment begins with the second layer of the first block, whose input its end adds.
        ExecutionPlan walked = whole.Walked([new(0, 3, 2), new(3, 5, 3), new(8, 1, MaxBatch), new(9, steps - 9, 1)]);
        Assert.IsLessThan(whole.ArenaLength, walked.ArenaLength);
        // Fast: the same kernels; exact ones give the same bits whichever they are.
        ImmutableArray<Conv2dMethod> kernels = MethodSelector.Choose(device.Kernels.Planner, walked, numerics);
        ImmutableArray<Conv2dMethod> kernelsOfWhole =
            numerics is Numerics.Exact ? MethodSelector.Choose(device.Kernels.Planner, whole, numerics) : kernels;
        float[] images = TestData.Uniform(new Random(Seed), (int)(MaxBatch * whole.Input.Shape.Count));
        foreach (int batch in (int[])[MaxBatch, 3])
        {
            float[][] expected = Run(whole, kernelsOfWhole, images, batch), actual = Run(walked, kernels, images, batch);
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.IsTrue(expected[i].Any(value => value != 0), "a network of zeros shows nothing");
                TestData.AssertSameBits(expected[i], actual[i], $"{graph.Outputs[i]}, batch {batch}, {numerics}, seed {Seed}");
            }
        }
    }

    /// <summary>Each of a plan's outputs after a run of some images, in memory that holds NaN before.</summary>
    private float[][] Run(ExecutionPlan plan, ImmutableArray<Conv2dMethod> kernels, float[] images, int batch)
    {
        var memory = new List<GuardedBuffer>();
        try
        {
            GuardedBuffer arena = Kept(GuardedBuffer.Output(device.Accelerator, (int)plan.ArenaLength));
            StepOperator[] operators = StepOperator.Of(plan, kernels);
            long workspaceLength = StepOperator.WorkspaceLength(device.Kernels.Planner, operators);
            GuardedBuffer workspace = Kept(GuardedBuffer.Output(device.Accelerator, (int)Math.Max(1, workspaceLength)));
            var weights = plan.Steps.Zip(kernels).Where(step => step.First.Node is EpilogueNode).ToDictionary(
                step => step.First.Node, step => Pack(step.First, step.Second));
            StepOperator.LoadAsync(device.Kernels, operators).GetAwaiter().GetResult();
            BoundStep[] steps = [.. plan.Steps.Zip(operators, (step, operation) => new BoundStep(
                device.Kernels, step, operation, arena.View, workspace.View, weights.GetValueOrDefault(step.Node)))];
            int length = (int)(batch * plan.Input.Shape.Count);
            arena.View.SubView(plan.Input.Offset, length).CopyFromCPU(device.Stream, images.AsSpan(0, length));
            device.Kernels.BeginSequence();
            plan.Walk(batch, steps.Length, (step, first, count) => steps[step].Launch(device.Stream, first, count));
            device.Kernels.EndSequence(device.Stream);
            device.Stream.Synchronize();
            workspace.Read();
            float[] all = arena.Read();
            return [.. new[] { "layer1.0", "logits" }.Select(name => plan.Outputs[name]).Select(
                slot => all.AsSpan((int)slot.Offset, (int)(batch * slot.Shape.Count)).ToArray())];
        }
        finally
        {
            foreach (GuardedBuffer buffer in memory) buffer.Dispose();
        }

        GuardedBuffer Kept(GuardedBuffer buffer)
        {
            memory.Add(buffer);
            return buffer;
        }

        NodeWeights Pack(PlanStep step, Conv2dMethod kernel)
        {
            var node = (EpilogueNode)step.Node;
            float[] packed = [];
            if (node.Filter is { } filter)
            {
                float[] values = new float[filter.Count];
                filter.CopyTo(values);
                Conv2dShape shape = StepShapes.Conv2d(step);
                packed = new float[device.Kernels.Planner.PackedFilterLength(shape, kernel.Algorithm)];
                device.Kernels.PackFilter(shape, values, packed, kernel.Algorithm);
            }
            return new NodeWeights(
                Kept(GuardedBuffer.Input(device.Accelerator, packed)).View, Channels(node.Epilogue.Scale, 1),
                Channels(node.Epilogue.Shift, 0));

            ArrayView<float> Channels(ImmutableArray<double>? values, float otherwise) => Kept(GuardedBuffer.Input(
                device.Accelerator, values is { } some ? [.. some.Select(value => (float)value)]
                    : [.. Enumerable.Repeat(otherwise, step.Output.Shape.C)])).View;
        }
    }
}

[TestClass]
public sealed class SimulatedNvidiaSegmentTests() : SegmentTests(BackEnd.SimulatedNvidia);

[TestClass]
public sealed class SimulatedAmdSegmentTests() : SegmentTests(BackEnd.SimulatedAmd);

[TestClass]
public sealed class PtxSegmentTests() : SegmentTests(BackEnd.Ptx);

[TestClass]
public sealed class CpuSegmentTests() : SegmentTests(BackEnd.Cpu);

[TestClass, TestCategory("OpenCL")]
public sealed class OpenCLSegmentTests() : SegmentTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class CudaSegmentTests() : SegmentTests(BackEnd.Cuda);
