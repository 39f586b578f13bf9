using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ExecutionPlanTests
{
    private const double LargestArenaRatio = 1.15;
    private const int Seed = 9_041;

    /// <summary>Published multiply-accumulates at 224x224 (torchvision's model table, GFLOPS; v1 from He et al. 2015).</summary>
    [TestMethod]
    [DataRow("resnet18", 1.81)]
    [DataRow("resnet34", 3.66)]
    [DataRow("resnet50", 4.09)]
    [DataRow("resnet101", 7.80)]
    [DataRow("resnet152", 11.51)]
    [DataRow("resnet50-v1", 3.86)]
    [DataRow("resnext50_32x4d", 4.23)]
    [DataRow("resnext101_32x8d", 16.41)]
    [DataRow("resnext101_64x4d", 15.46)]
    [DataRow("wide_resnet50_2", 11.40)]
    [DataRow("wide_resnet101_2", 22.75)]
    public void Work_is_what_the_literature_says(string preset, double gigaMacs)
    {
        using ResNet model = ResNet.Create(Preset(preset));
        ExecutionPlan plan = ExecutionPlan.Create(model, 224, 224, 1);
        Assert.AreEqual(gigaMacs, plan.Macs / 1e9, 0.01);
        Assert.AreEqual(new MapShape(1, 1, 1000), plan.Outputs["probabilities"].Shape);
    }

    [TestMethod]
    public void The_arena_is_at_most_15_percent_above_its_floor()
    {
        foreach (ResNetConfig config in ResNetConfig.Presets)
        {
            using ResNet model = ResNet.Create(config);
            foreach (int batch in new[] { 1, 8 })
            {
                ExecutionPlan plan = ExecutionPlan.Create(model, 224, 224, batch);
                Assert.IsLessThanOrEqualTo(
                    LargestArenaRatio, (double)plan.ArenaLength / plan.ArenaLowerBound, $"{config.Name}, batch {batch}");
            }
        }
    }

    /// <summary>Walks the plan as a device would and checks that what a step reads is what the right step wrote.</summary>
    [TestMethod]
    public void No_tensor_is_overwritten_before_its_last_reader()
    {
        foreach (ResNetConfig config in ResNetConfig.Presets)
        {
            using ResNet model = ResNet.Create(config);
            ExecutionPlan plan = ExecutionPlan.Create(model, 224, 224, 2);
            Dictionary<string, string> viewed =
                model.Graph.Nodes.OfType<ViewNode>().ToDictionary(view => view.Output, view => view.Inputs[0]);
            var contents = new List<(long Start, long End, string Tensor)> { Range(plan.Input, "input") };
            foreach (PlanStep step in plan.Steps)
            {
                Assert.Contains(Range(step.Input, viewed.GetValueOrDefault(step.Node.Inputs[0], step.Node.Inputs[0])), contents,
                    $"{config.Name}: {step.Node.Name} reads {step.Node.Inputs[0]}");
                if (step.Residual is { } residual) Assert.Contains(
                    Range(residual, step.Node.Inputs[1]), contents, $"{config.Name}: {step.Node.Name} adds {step.Node.Inputs[1]}");
                (long start, long end, _) = Range(step.Output, step.Node.Output);
                contents.RemoveAll(other => other.Start < end && start < other.End);
                contents.Add(Range(step.Output, step.Node.Output));
                Assert.IsFalse(step.Output.Offset < step.Input.Offset + step.Input.Shape.Count && step.Input.Offset < end,
                    $"{step.Node.Name} writes over its input");
            }
            Assert.Contains(Range(plan.Steps[^1].Input, "logits"), contents, "logits stay readable beside the probabilities");
        }

        static (long, long, string) Range(TensorSlot slot, string tensor) => (slot.Offset, slot.Offset + 2 * slot.Shape.Count, tensor);
    }

    [TestMethod]
    public void A_processor_walks_images_singly_up_to_the_linear_layer()
    {
        const int Batch = 3;
        foreach (ResNetConfig config in ResNetConfig.Presets)
        {
            using ResNet model = ResNet.Create(config);
            ExecutionPlan whole = ExecutionPlan.Create(model, 224, 224, Batch), plan = SegmentSelector.ForSingleImages(whole);
            Assert.HasCount(2, plan.Segments, config.Name);
            Assert.AreEqual(1, plan.Segments[0].Images, config.Name);
            Assert.AreEqual(Batch, plan.Segments[1].Images, $"{config.Name}: the linear layer is for the batch");
            Assert.IsLessThan(whole.ArenaLength, plan.ArenaLength, config.Name);
            AssertReadsWhatWasWritten(plan, model.Graph, Batch, config.Name);
        }
    }

    /// <summary>Any segments, slices that leave a tail, outputs from inside them, and runs of fewer images.</summary>
    [TestMethod]
    public void Segments_overwrite_nothing_that_another_step_or_image_needs()
    {
        const int Batch = 5;
        var random = new Random(Seed);
        foreach (ResNetConfig config in ResNetConfig.Presets)
        {
            using ResNet model = ResNet.Create(config);
            ImmutableArray<string> outputs = random.Next(2) == 0 ? [] : ["layer1", "layer2", "logits"];
            Graph graph = model.Bind(224, 224, outputs).Graph;
            ExecutionPlan whole = ExecutionPlan.Create(graph, 224, 224, Batch);
            for (int i = 0; i < 3; i++)
            {
                var segments = new List<PlanSegment>();
                for (int first = 0; first < whole.Steps.Length; first = segments[^1].End)
                    segments.Add(
                        new PlanSegment(first, Math.Min(random.Next(1, 20), whole.Steps.Length - first), random.Next(1, Batch + 1)));
                ExecutionPlan plan = whole.Walked([.. segments]);
                string message = $"{config.Name}, {string.Join(' ', segments)}, seed {Seed}";
                foreach (int batch in (int[])[Batch, 3]) AssertReadsWhatWasWritten(plan, graph, batch, message);
            }
        }
    }

    /// <summary>Walks a plan as a session does and checks what each step reads, and what is left in the outputs.</summary>
    private static void AssertReadsWhatWasWritten(ExecutionPlan plan, Graph graph, int batch, string message)
    {
        var viewed = new Dictionary<string, string>();
        foreach (ViewNode view in graph.Nodes.OfType<ViewNode>())
            viewed.Add(view.Output, viewed.GetValueOrDefault(view.Inputs[0], view.Inputs[0]));
        var contents = new List<(long Start, long End, string Tensor, int Image)>();
        for (int image = 0; image < batch; image++) Write(plan.Input, graph.Input, image);
        int launched = 0;
        plan.Walk(batch, plan.Steps.Length, (index, first, count) =>
        {
            PlanStep step = plan.Steps[index];
            launched += count;
            for (int image = first; image < first + count; image++)
            {
                Read(step.Input, step.Node.Inputs[0], image);
                if (step.Residual is { } residual) Read(residual, step.Node.Inputs[1], image);
            }
            for (int image = first; image < first + count; image++) Write(step.Output, step.Node.Output, image);
        });
        Assert.AreEqual(batch * plan.Steps.Length, launched, message);
        foreach ((string name, TensorSlot slot) in plan.Outputs)
            for (int image = 0; image < batch; image++) Read(slot, name, image);

        void Read(TensorSlot slot, string tensor, int image) =>
            Assert.Contains(
                Place(slot, viewed.GetValueOrDefault(tensor, tensor), image), contents, $"{message}: {tensor} of image {image}");

        void Write(TensorSlot slot, string tensor, int image)
        {
            (long start, long end, _, _) = Place(slot, tensor, image);
            Assert.IsLessThanOrEqualTo(plan.ArenaLength, end, message);
            contents.RemoveAll(other => other.Start < end && start < other.End);
            contents.Add(Place(slot, tensor, image));
        }

        static (long, long, string, int) Place(TensorSlot slot, string tensor, int image)
        {
            long start = slot.Offset + image % slot.Images * slot.Shape.Count;
            return (start, start + slot.Shape.Count, tensor, image);
        }
    }

    [TestMethod]
    public void Inputs_that_do_not_fit_are_refused_with_the_layer_and_the_sizes()
    {
        using ResNet note = ResNet.Create(ResNetConfig.ResNet50V1ReluBeforeAdd);
        GraphException tooSmall = Assert.ThrowsExactly<GraphException>(() => ExecutionPlan.Create(note, 192, 192, 1));
        Assert.AreEqual(
            "avgpool: expected a map of at least 7x7, but its input is [6, 6, 2048]. "
            + "Check the weights against the network, and the size of the image.", tooSmall.Message);
        GraphException tooLarge = Assert.ThrowsExactly<GraphException>(() => ExecutionPlan.Create(note, 448, 448, 1));
        StringAssert.StartsWith(tooLarge.Message, "flatten: expected 2048 elements, but its input is [2, 2, 2048].");
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => ExecutionPlan.Create(note, 224, 224, 0)).Message, "at least 1");
        StringAssert.Contains(
            Assert.ThrowsExactly<GraphException>(() => ExecutionPlan.Create(note, 224, 224, 1_000_000)).Message, "smaller batch");
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => ExecutionPlan.Create(note, 16, 0, 1)).Message, "at least 1x1");
    }

    [TestMethod]
    [DataRow(40_000, 40_000)]
    [DataRow(20_000, 20_000)]
    [DataRow(int.MaxValue, 1)]
    [DataRow(int.MaxValue, int.MaxValue)]
    public void Images_beyond_32_bits_are_refused_in_words(int height, int width)
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet18);
        GraphException tooLarge = Assert.ThrowsExactly<GraphException>(() => ExecutionPlan.Create(model, height, width, 1));
        StringAssert.Contains(tooLarge.Message, $"the limit of {int.MaxValue} elements a tensor; use a smaller");
    }

    private static ResNetConfig Preset(string name) => ResNetConfig.Presets.Single(config => config.Name == name);
}
