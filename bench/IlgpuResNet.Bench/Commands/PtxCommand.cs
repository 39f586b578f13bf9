using System.Collections.Immutable;
using System.CommandLine;
using ILGPU.Runtime.Cuda;
using IlgpuResNet.Bench.Ptx;
using IlgpuResNet.Cli;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Planning;
using Spectre.Console;

namespace IlgpuResNet.Bench.Commands;

/// <summary><c>ptx</c>: reads the machine code of a network's tiled kernels for NVIDIA GPUs; needs no GPU.</summary>
internal static class PtxCommand
{
    private const int Failure = 1;

    private static readonly int[] Batches = [1, 32];

    /// <summary>
    /// Architectures to assemble for: the device whose plan is used, and the target of its PTX, for which ILGPU names none above sm_80.
    /// </summary>
    private static readonly (int Capability, string Device, CudaArchitecture Target)[] Architectures =
    [
        (75, "T4", CudaArchitecture.SM_75),
        (80, "A100", CudaArchitecture.SM_80),
        (86, "RTX 3060", CudaArchitecture.SM_80),
        (90, "H100", CudaArchitecture.SM_80),
    ];

    /// <summary>The architecture on which kernels are read, too, that may be chosen but are not for the devices above.</summary>
    private const int CandidateCapability = 80;

    public static Command Create()
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        var tools = new Option<string?>("--cuda-tools")
        {
            Description = "Folder of ptxas and nvdisasm; else they are taken from the path.",
        };
        tools.RequirePath();
        var check = new Option<bool>("--check") { Description = "Fail when a kernel misses a bar." };
        var command = new Command("ptx", "Registers, occupancy and main loops of the tiled kernels' machine code, without a GPU.")
        {
            model, tools, check, json,
        };
        command.SetAction(result =>
        {
            using CudaTools cuda = CudaTools.Find(result.GetValue(tools));
            Report report = Measure(result.Preset(model), cuda);
            report.Print();
            Figures.WriteJson(result.GetValue(json), report);
            return result.GetValue(check) && report.Misses.Length > 0 ? Failure : 0;
        });
        return command;
    }

    private static Report Measure(ResNetConfig config, CudaTools tools)
    {
        using ResNet model = ResNet.Create(config);
        var plans = new List<(string Arch, int Batch, ImmutableArray<StepLaunches> Steps)>();
        foreach ((int capability, string device, _) in Architectures)
        {
            foreach (int batch in Batches)
            {
                var planner = new TiledPlanner(DeviceProfiles.Find(device)!);
                ExecutionPlan plan = SegmentSelector.Choose(planner, ExecutionPlan.Create(model, maxBatch: batch), Numerics.Fast);
                ImmutableArray<Conv2dMethod> methods = MethodSelector.Choose(planner, plan, Numerics.Fast);
                plans.Add((KernelReport.ArchOf(capability), batch, StepLaunches.Walk(plan, methods)));
            }
        }

        Dictionary<RecordedKernel, (GemmTile Tile, int Threads)> chosen = Kernels(plans.SelectMany(plan => plan.Steps));
        Dictionary<RecordedKernel, (GemmTile Tile, int Threads)> all = Kernels(Candidates(ExecutionPlan.Create(model)));
        foreach (var kernel in chosen) all[kernel.Key] = kernel.Value;
        var reports = new List<KernelReport>();
        Parallel.ForEach(all, kernel =>
        {
            var wanted = Architectures.Where(
                architecture => chosen.ContainsKey(kernel.Key) || architecture.Capability == CandidateCapability);
            foreach (var target in wanted.GroupBy(architecture => architecture.Target))
            {
                string ptx = OfflinePtx.Compile(kernel.Key.Method, kernel.Key.Specialization, target.Key);
                foreach ((int capability, _, _) in target)
                {
                    AssembledKernel assembled = tools.Assemble(ptx, KernelReport.ArchOf(capability));
                    var report = KernelReport.Of(kernel.Key, kernel.Value.Tile, kernel.Value.Threads, capability, assembled);
                    lock (reports) reports.Add(report);
                }
            }
        });
        KernelReport[] sorted = [.. reports.OrderBy(report => report.Kernel, StringComparer.Ordinal)
            .ThenBy(report => report.Arch, StringComparer.Ordinal)];
        MeanShare[] means = [.. plans.Select(plan => MeanShare.Of(plan.Arch, plan.Batch, plan.Steps, sorted))];
        string[] misses =
        [
            .. sorted.SelectMany(KernelBars.Misses),
            .. means.SelectMany(KernelBars.Misses),
            .. KernelBars.StaleTileCode(sorted),
        ];
        return new Report(config.Name, sorted, means, misses);
    }

    /// <summary>A plan's launches with each kernel that the selection for a layer may choose.</summary>
    private static IEnumerable<StepLaunches> Candidates(ExecutionPlan plan)
    {
        ImmutableArray<Conv2dMethod>[] candidates = [.. plan.Steps.Select(step =>
            step.IsConvolution ? TiledConv2dMethods.Of(StepShapes.Conv2d(step)) : [default])];
        return Enumerable.Range(0, candidates.Max(kernels => kernels.Length))
            .SelectMany(i => StepLaunches.Walk(plan, [.. candidates.Select(kernels => kernels[Math.Min(i, kernels.Length - 1)])]));
    }

    /// <summary>The kernels of some launches, with the tile of those that multiply matrices.</summary>
    private static Dictionary<RecordedKernel, (GemmTile Tile, int Threads)> Kernels(IEnumerable<StepLaunches> steps)
    {
        var kernels = new Dictionary<RecordedKernel, (GemmTile Tile, int Threads)>();
        foreach (StepLaunches step in steps)
        {
            foreach (RecordedLaunch launch in step.Launches)
                kernels.TryAdd(launch.Kernel, (launch == step.Product ? step.Kernel.Tile : default, launch.Threads));
        }
        return kernels;
    }

    /// <summary>Every kernel on every architecture, the network's means, and a line for each bar that is missed.</summary>
    private sealed record Report(string Model, KernelReport[] Kernels, MeanShare[] MeanFfmaShares, string[] Misses)
    {
        public void Print()
        {
            Console.WriteLine(
                $"{Model}, the kernels of its plans at batch {string.Join(" and ", Batches)}; "
                + $"of others that may be chosen, {KernelReport.ArchOf(CandidateCapability)} alone");
            Table table = Figures.Table(
                3, "kernel", "tile", "arch", "registers", "spill", "stack", "shared", "groups/SM", "threads/SM",
                "hot loop", "FFMA", "share", "16-byte loads", "narrower", "stores", "integer", "control");
            foreach (KernelReport kernel in Kernels)
            {
                table.AddRow(
                    Markup.Escape(kernel.Kernel), kernel.Tile ?? "", kernel.Arch,
                    Number(kernel.Registers), Number(kernel.SpillBytes), Number(kernel.StackBytes), Number(kernel.SharedBytes),
                    Number(kernel.BlocksPerSm), Number(kernel.ThreadsPerSm),
                    Number(kernel.HotLoopInstructions), Number(kernel.HotLoopFfma),
                    kernel.HotLoopFfmaShare is { } share ? Figures.Text(share, "F3") : "",
                    Number(kernel.HotLoop16ByteLoads), Number(kernel.HotLoopNarrowLoads),
                    Number(kernel.HotLoopStores), Number(kernel.HotLoopInteger), Number(kernel.HotLoopControl));
            }
            Figures.Print(table);
            foreach (MeanShare mean in MeanFfmaShares)
                Console.WriteLine(
                    $"mean        {Figures.Text(mean.FfmaShare, "F3")} of multiply-adds in the main loops by their number, "
                    + $"{mean.Arch}, batch {mean.Batch}");
            foreach (string miss in Misses) Console.WriteLine($"missed      {miss}");
        }

        private static string Number(int? value) => value is { } number ? Figures.Text(number, "F0") : "";
    }
}
