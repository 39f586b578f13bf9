using System.Collections.Immutable;
using System.CommandLine;
using IlgpuResNet.Cli;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// <c>plan</c>: lists the kernels chosen for each layer on a device that need not be there, and the times that the cost model gives them.
/// </summary>
internal static class PlanCommand
{
    private const double Mega = 1e-6;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> batch = BenchOptions.Batch();
        var device = new Option<string?>("--device") { Description = "Layers on this device; without it every device with its sum." };
        device.RequireOneOf([.. DeviceProfiles.Known.Select(profile => profile.Name)]);
        var exact = new Option<bool>("--exact") { Description = "Only kernels that compute every product in the order of the definition." };
        var command = new Command("plan", "Kernels and modelled times of each layer on a device; needs no GPU.")
        {
            model, device, batch, exact, json,
        };
        command.SetAction(result =>
        {
            Numerics numerics = result.GetValue(exact) ? Numerics.Exact : Numerics.Fast;
            IEnumerable<DeviceProfile> profiles = result.GetValue(device) is { } name ? [DeviceProfiles.Find(name)!] : DeviceProfiles.Known;
            using ResNet network = ResNet.Create(result.Preset(model));
            ExecutionPlan plan = ExecutionPlan.Create(network, maxBatch: result.GetValue(batch));
            Report[] reports = [.. profiles.Select(profile => Report.Of(network.Name, profile, plan, numerics))];
            if (reports.Length == 1) reports[0].Print();
            else PrintAll(reports);
            if (reports.Length == 1) Figures.WriteJson(result.GetValue(json), reports[0]);
            else Figures.WriteJson(result.GetValue(json), new { Devices = reports });
        });
        return command;
    }

    private static void PrintAll(Report[] reports)
    {
        Console.WriteLine($"{reports[0].Model}, batch {reports[0].Batch}, modelled, nothing measured");
        Table table = Figures.Table(
            1, "device", "peak TFLOP/s", "ms", "floor ms", "images/s", "of peak", "layers below a wave", "segments", "arena MB",
            "whole batch");
        foreach (Report report in reports)
        {
            table.AddRow(
                report.Device, Figures.Text(report.PeakTflops, "F1"),
                Figures.Text(report.ModelledMs, "F3"), Figures.Text(report.FloorMs, "F3"),
                Figures.Text(report.ImagesPerSecond, "F0"), Figures.Text(report.PeakShare, "P0"),
                Figures.Text(report.Steps.Count(step => step.IsBelowAWave), "F0"),
                Figures.Text(report.Segments.Length, "F0"), Figures.Text(report.ArenaBytes * Mega, "F1"),
                Figures.Text(report.WholeBatchArenaBytes * Mega, "F1"));
        }
        Figures.Print(table);
        foreach (Report report in reports) report.PrintWaves();
    }

    /// <summary>
    /// A plan on one device. Times in milliseconds; the share is of the float32 peak, counting the products of the definition.
    /// </summary>
    private sealed record Report(
        string Model, string Device, int Batch, double PeakTflops, double MemoryGbPerSecond, double ModelledMs, double FloorMs,
        double ImagesPerSecond, double PeakShare, StepReport[] Steps,
        PlanSegment[] Segments, long ArenaBytes, long WholeBatchArenaBytes, Deviation[] Published)
    {
        private const double Tera = 1e12, Milli = 1e3;

        public static Report Of(string model, DeviceProfile profile, ExecutionPlan whole, Numerics numerics)
        {
            var planner = new TiledPlanner(profile);
            ExecutionPlan plan = SegmentSelector.Choose(planner, whole, numerics);
            ImmutableArray<Conv2dMethod> methods = MethodSelector.Choose(planner, plan, numerics);
            ImmutableArray<StepCost> costs = PlanCosts.Of(planner.CostModel!, plan, methods);
            double seconds = costs.Sum(cost => cost.Seconds), imagesPerSecond = plan.MaxBatch / seconds;
            return new Report(
                model, profile.Name, plan.MaxBatch, profile.PeakFlops / Tera, profile.MemoryGbPerSecond, seconds * Milli,
                costs.Sum(cost => cost.FloorSeconds) * Milli,
                imagesPerSecond, 2.0 * plan.Macs * imagesPerSecond / profile.PeakFlops,
                [.. methods.Zip(costs).Select((step, i) => StepReport.Of(planner, plan, i, step.First, step.Second, numerics))],
                [.. plan.Segments], sizeof(float) * plan.ArenaLength, sizeof(float) * whole.ArenaLength,
                model == ResNetConfig.ResNet50.Name ? [.. Deviation.Of(profile, whole)] : []);
        }

        public void Print()
        {
            Console.WriteLine(
                $"{Model}, batch {Batch}, {Device}: "
                + $"{Figures.Text(PeakTflops, "F1")} TFLOP/s, {Figures.Text(MemoryGbPerSecond, "F0")} GB/s; modelled, nothing measured");
            Table table = Figures.Table(
                4, "step", "images", "algorithm", "tile", "split", "launches", "blocks", "waves", "MB", "ms", "floor ms", "times floor",
                "full wave ms");
            foreach (StepReport step in Steps)
            {
                table.AddRow(
                    Markup.Escape(step.Name), Figures.Text(step.Images, "F0"), step.Algorithm ?? "", step.Tile ?? "",
                    step.Splits > 1 ? Figures.Text(step.Splits, "F0") : "", Figures.Text(step.Launches, "F0"),
                    step.Blocks > 0 ? Figures.Text(step.Blocks, "F0") : "", step.Blocks > 0 ? Figures.Text(step.Waves, "F2") : "",
                    Figures.Text(step.Bytes * Mega, "F2"), Figures.Text(step.ModelledMs, "F4"), Figures.Text(step.FloorMs, "F4"),
                    Figures.Text(step.ModelledMs / step.FloorMs, "F2"),
                    step.FullWaveMs is { } fullWaveMs ? Figures.Text(fullWaveMs, "F4") : "");
            }
            Figures.Print(table);
            Console.WriteLine($"sum         {Figures.Text(ModelledMs, "F3")} ms, floor {Figures.Text(FloorMs, "F3")} ms");
            Console.WriteLine(
                $"arena       {Figures.Text(ArenaBytes * Mega, "F1")} MB in {Segments.Length} segments, "
                + $"{Figures.Text(WholeBatchArenaBytes * Mega, "F1")} MB where each step takes the whole batch");
            PrintWaves();
            Console.WriteLine(
                $"rate        {Figures.Text(ImagesPerSecond, "F0")} images/s, {Figures.Text(PeakShare, "P1")} of the float32 peak");
            foreach (Deviation published in Published)
                Console.WriteLine(
                    $"published   {Figures.Text(published.ImagesPerSecond, "F0")} images/s measured with {published.Engine}; "
                    + "modelled for direct convolutions with batch norm, ReLU and sum in passes of their own "
                    + $"{Figures.Text(published.ModelledImagesPerSecond, "F0")}, "
                    + $"{Figures.Text(published.ModelledOverMeasured, "F2")} times as many");
        }

        /// <summary>
        /// Prints the number of layers with less than a wave of groups, and names those for which the model has a faster kernel with a full
        /// wave: there should be none.
        /// </summary>
        public void PrintWaves()
        {
            string[] idle = [.. Steps.Where(step => step.FullWaveMs < step.ModelledMs).Select(step => step.Name)];
            string verdict = idle.Length == 0
                ? "no kernel with a full wave is modelled to be faster for any of them"
                : $"a full wave would cost less in {string.Join(", ", idle)}";
            Console.WriteLine(
                $"waves       {Device}: {Steps.Count(step => step.IsBelowAWave)} layers have less than a wave of blocks; {verdict}");
        }
    }

    /// <summary>
    /// A published measurement of the same network on the same device, beside the model's figure for the work of a framework: direct
    /// convolutions, and batch norm, ReLU and residual sum in passes of their own, each of which takes at least the time of its launch.
    /// </summary>
    private sealed record Deviation(string Engine, double ImagesPerSecond, double ModelledImagesPerSecond, double ModelledOverMeasured)
    {
        /// <summary>
        /// Time from the call that launches an operation of PyTorch to its beginning on an idle V100, from NVIDIA's "Understanding the
        /// visualization of overhead and latency in Nsight Systems" (developer.nvidia.com/blog). It is the least time of each short
        /// operation here; where the host runs ahead of the device it does not show.
        /// </summary>
        private const double OperationSeconds = 20e-6;

        public static IEnumerable<Deviation> Of(DeviceProfile profile, ExecutionPlan plan)
        {
            var planner = new TiledPlanner(profile);
            ICostModel model = planner.CostModel!;
            ImmutableArray<Conv2dMethod> direct = MethodSelector.Choose(planner, plan, Numerics.Exact);
            double seconds = PlanCosts.Of(model, plan, direct).Sum(cost => Launched(cost.Seconds)) + plan.Steps.Sum(Passes);
            double imagesPerSecond = plan.MaxBatch / seconds;
            return PublishedFigure.All.Where(figure => figure.Device == profile.Name && figure.Batch == plan.MaxBatch)
                .Select(figure => new Deviation(
                    figure.Engine, figure.ImagesPerSecond, imagesPerSecond, imagesPerSecond / figure.ImagesPerSecond));

            double Passes(PlanStep step)
            {
                if (step.Node is not Conv2dNode { Epilogue: var epilogue }) return 0;
                long map = plan.MaxBatch * step.Output.Shape.Count;
                double inAndOut = Launched(model.OfPass(2 * map, 0, 0, 1).Seconds);
                double sum = epilogue.HasResidual ? Launched(model.OfPass(3 * map, 0, 0, 1).Seconds) : 0;
                return inAndOut + (epilogue.Relu ? inAndOut : 0) + sum;
            }

            static double Launched(double seconds) => Math.Max(OperationSeconds, seconds);
        }
    }

    /// <summary>
    /// One step. A pool has neither algorithm nor tile, and no matrix product whose groups of threads could be counted. For a step with
    /// less than a wave of groups, FullWaveMs is the time of the fastest kernel with a full wave; it is null where there is a wave, or no
    /// such kernel. Groups and waves are those of one launch, for the images computed at a time; all else is for the batch.
    /// </summary>
    private sealed record StepReport(
        string Name, int Images, string? Algorithm, string? Tile, int Splits, int Launches, long Blocks, double Waves, long Bytes,
        double ModelledMs, double FloorMs, double? FullWaveMs)
    {
        internal bool IsBelowAWave => this is { Blocks: > 0, Waves: < 1 };

        public static StepReport Of(
            TiledPlanner planner, ExecutionPlan plan, int index, Conv2dMethod method, StepCost cost, Numerics numerics)
        {
            const double milli = 1e3;
            PlanStep step = plan.Steps[index];
            PlanSegment segment = plan.SegmentOf(index);
            bool isProduct = step.IsConvolution;
            double? fullWave = null;
            if (isProduct && cost.Waves < 1)
            {
                Conv2dShape shape = StepShapes.Conv2d(step) with { N = segment.Images };
                fullWave = MethodSelector.Candidates(planner, shape, numerics is Numerics.Exact)
                    .Select(other => PlanCosts.OfStep(planner.CostModel!, plan, index, segment, other)).Where(other => other.Waves >= 1)
                    .Min(other => (double?)other.Seconds * milli);
            }
            return new StepReport(
                step.Node.Name, segment.Images, isProduct ? LayersCommand.NameOf(method.Algorithm) : null,
                isProduct ? method.Tile.ToString() : null, isProduct ? method.Splits : 1,
                cost.Launches, cost.Blocks, cost.Waves, cost.Bytes, cost.Seconds * milli, cost.FloorSeconds * milli, fullWave);
        }
    }
}
