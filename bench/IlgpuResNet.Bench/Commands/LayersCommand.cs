using System.CommandLine;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;
using IlgpuResNet.Planning;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>layers</c>: times each step of a run on the processor, and compares its rate with the machine's peak.</summary>
internal static class LayersCommand
{
    private const int DefaultRounds = 40;

    /// <summary>The main steps are those with the most multiply-accumulates that together hold this share of all.</summary>
    private const double MainShare = 0.8;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> batch = BenchOptions.Batch(), threads = BenchOptions.Threads("Threads at work.");
        Option<int> rounds = BenchOptions.Rounds(DefaultRounds, "Timed runs; the faster half counts.");
        var command = new Command("layers", "Times each step on the processor and compares it with the machine's peak.")
        {
            model, batch, threads, rounds, json,
        };
        command.SetAction(result =>
        {
            Report report = Measure(result.Preset(model), result.GetValue(batch), result.GetValue(threads), result.GetValue(rounds));
            report.Print();
            Figures.WriteJson(result.GetValue(json), report);
        });
        return command;
    }

    /// <summary>An algorithm's name in tables.</summary>
    public static string NameOf(Conv2dAlgorithm algorithm) => algorithm switch
    {
        Conv2dAlgorithm.WinogradF2 => "F(2x2)",
        Conv2dAlgorithm.WinogradF4 => "F(4x4)",
        Conv2dAlgorithm.WinogradStride2 => "F(2x2)/2",
        _ => "direct",
    };

    private static Report Measure(ResNetConfig config, int batch, int threads, int rounds)
    {
        using ResNet network = RandomData.Network(config);
        using var session = new InferenceSession(network, ComputeDevice.Cpu, new SessionOptions { MaxBatch = batch, Threads = threads });
        var kernels = (SimdKernels)session.Kernels;
        float[] images = RandomData.Images(batch * session.Input.Length), logits = new float[batch * session.NumClasses];
        SequenceTimes times = SequenceTimes.Measure(session, kernels, () => session.Run(images, logits), rounds);
        MachinePeak peak = MachinePeak.Measure(kernels.Lanes, threads);

        PlanStep[] steps = [.. session.Plan.Steps.Take(times.StepMs.Length)];
        double all = steps.Sum(step => step.Macs), covered = 0;
        var main = new HashSet<PlanStep>(
            steps.OrderByDescending(step => step.Macs).TakeWhile(step => (covered += step.Macs) - step.Macs < MainShare * all));
        return new Report(
            config.Name, batch, threads, kernels.Lanes, peak.GflopPerSecond, peak.GigabytesPerSecond,
            2e-6 * batch * all / peak.GflopPerSecond,
            1e-6 * sizeof(float) * steps.Sum(step => step.Parameters) / peak.GigabytesPerSecond,
            times.EndToEndMs, times.StepMs.Sum(), times.StepMs.Sum() / times.EndToEndMs,
            [.. steps.Zip(session.StepMethods, times.StepMs).Select(
                step => StepReport.Of(step.First, step.Second.Algorithm, step.Third, batch, peak, main.Contains(step.First)))]);
    }

    /// <summary>
    /// Times in milliseconds, rates in 10^9 a second. The floors are the times of all operations, and of reading all weights once, at the
    /// machine's peaks.
    /// </summary>
    private sealed record Report(
        string Model, int Batch, int Threads, int VectorLanes, double PeakGflopPerSecond, double PeakReadGbPerSecond,
        double OperationsFloorMs, double WeightsFloorMs, double EndToEndMs, double SumMs, double SumShare, StepReport[] Steps)
    {
        public void Print()
        {
            Console.WriteLine($"{Model}, batch {Batch}, {Threads} threads, vectors of {VectorLanes}");
            Table table = Figures.Table(3, "step", "kernel", "algorithm", "ms", "GFLOP/s", "of peak", "ms above peak", "main");
            foreach (StepReport step in Steps)
            {
                table.AddRow(
                    Markup.Escape(step.Name), Markup.Escape(step.Kernel), step.Algorithm,
                    Figures.Text(step.Ms, "F3"), Figures.Text(step.GflopPerSecond, "F1"),
                    Figures.Text(step.PeakShare, "P0"), Figures.Text(step.MsAbovePeak, "F3"), step.IsMain ? "*" : "");
            }
            Figures.Print(table);
            Console.WriteLine(
                $"peak        {Figures.Text(PeakGflopPerSecond, "F1")} GFLOP/s of multiply-adds in registers, "
                + $"{Figures.Text(PeakReadGbPerSecond, "F1")} GB/s read from memory, measured here");
            Console.WriteLine(
                $"floors      {Figures.Text(OperationsFloorMs, "F1")} ms of operations, "
                + $"{Figures.Text(WeightsFloorMs, "F1")} ms to read the weights");
            StepReport[] main = [.. Steps.Where(step => step.IsMain)];
            StepReport slowest = main.MinBy(step => step.PeakShare)!;
            Console.WriteLine(
                $"main steps  {main.Length} hold {Figures.Text(MainShare, "P0")} of the operations (*); "
                + $"the least is {slowest.Name} with {Figures.Text(slowest.PeakShare, "P0")} of the peak");
            Console.WriteLine(
                $"sum         {Figures.Text(SumMs, "F2")} ms, "
                + $"{Figures.Text(SumShare, "P1")} of {Figures.Text(EndToEndMs, "F2")} ms end to end");
        }
    }

    /// <summary>One step: its time, its rate, and the time it would save at the peak.</summary>
    private sealed record StepReport(
        string Name, string Kernel, string Algorithm, double Ms, double GflopPerSecond, double PeakShare, double MsAbovePeak, bool IsMain)
    {
        public static StepReport Of(PlanStep step, Conv2dAlgorithm algorithm, double ms, int batch, MachinePeak peak, bool isMain)
        {
            double flop = 2.0 * batch * step.Macs;
            return new StepReport(
                step.Node.Name, KernelOf(step), step.Macs > 0 ? NameOf(algorithm) : "", ms, flop / ms * 1e-6,
                flop / ms * 1e-6 / peak.GflopPerSecond, ms - flop * 1e-6 / peak.GflopPerSecond, isMain);
        }

        private static string KernelOf(PlanStep step) => step.Node switch
        {
            Conv2dNode conv => $"{KernelOf(conv)}, {step.Input.Shape} to {step.Output.Shape}",
            LinearNode => $"linear, {step.Input.Shape.C} to {step.Output.Shape.C}",
            Pool2dNode pool => $"{pool.Kind} pool".ToLowerInvariant(),
            SoftmaxNode => "softmax",
            _ => "pointwise",
        };

        private static string KernelOf(Conv2dNode conv)
        {
            string kernel = $"conv {conv.Weight.Shape[2]}x{conv.Weight.Shape[3]}";
            if (conv.Window.StrideH > 1) kernel += $" stride {conv.Window.StrideH}";
            return conv.Groups > 1 ? $"{kernel}, {conv.Groups} groups" : kernel;
        }
    }
}
