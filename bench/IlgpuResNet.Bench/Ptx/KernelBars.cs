using System.Collections.Immutable;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Bench.Ptx;

/// <summary>Share of multiply-adds in a network's main loops; each convolution counts by the number of its multiply-adds.</summary>
internal sealed record MeanShare(string Arch, int Batch, double FfmaShare)
{
    public static MeanShare Of(string arch, int batch, ImmutableArray<StepLaunches> steps, IEnumerable<KernelReport> kernels)
    {
        var shares = kernels.Where(kernel => kernel.Arch == arch)
            .ToDictionary(kernel => kernel.Kernel, kernel => kernel.HotLoopFfmaShare ?? 0);
        double macs = 0, weighted = 0;
        foreach (StepLaunches step in steps)
        {
            if (step.Product is not { } product) continue;
            macs += step.ProductMacs;
            weighted += step.ProductMacs * shares[product.Kernel.Name];
        }
        return new MeanShare(arch, batch, weighted / macs);
    }
}

/// <summary>Bars for the machine code; one line names each kernel that misses one.</summary>
internal static class KernelBars
{
    /// <summary>The least share of multiply-adds in a main loop with a tile of at least 128 each way, and of at least 64.</summary>
    private const double LeastShareOf128 = 0.88, LeastShareOf64 = 0.80;

    /// <summary>The least share over a network.</summary>
    private const double LeastMeanShare = 0.85;

    /// <summary>Least number of groups, or of threads, that a multiprocessor of <see cref="OccupancyArch"/> must hold at a time.</summary>
    private const int LeastBlocks = 2, LeastThreads = 512;

    /// <summary>The architecture with a bar for occupancy, and of the figures in <see cref="TileCode"/>.</summary>
    private const int OccupancyCapability = 80;

    /// <summary>
    /// Registers, and share of instructions, by which machine code may differ from one version of the assembler to the next.
    /// </summary>
    private const int RegisterTolerance = 8;
    private const double InstructionTolerance = 0.03;

    private static string OccupancyArch => KernelReport.ArchOf(OccupancyCapability);

    public static IEnumerable<string> Misses(KernelReport kernel)
    {
        string name = $"{kernel.Kernel} on {kernel.Arch}";
        if (kernel.SpillBytes > 0) yield return $"{name} spills {kernel.SpillBytes} bytes";
        if (kernel.StackBytes > 0) yield return $"{name} has a stack frame of {kernel.StackBytes} bytes";
        if (kernel.Tile is null) yield break;
        if (kernel.HotLoopFfmaShare is not { } share)
        {
            yield return $"{name} has no main loop of multiply-adds";
            yield break;
        }
        if (LeastShare(TileNamed(kernel.Tile)) is { } least && share < least)
            yield return $"{name} has {Figures.Text(share, "F3")} of multiply-adds in its main loop, "
                + $"at least {Figures.Text(least, "F2")} were wanted";
        if (kernel.HotLoopNarrowLoads > 0)
            yield return $"{name} has {kernel.HotLoopNarrowLoads} loads of less than 16 bytes in its main loop";
        if (kernel.Arch == OccupancyArch && kernel.BlocksPerSm < LeastBlocks && kernel.ThreadsPerSm < LeastThreads)
            yield return $"{name} has {kernel.BlocksPerSm} groups on a multiprocessor, "
                + $"at least {LeastBlocks} or {LeastThreads} threads were wanted";
    }

    public static IEnumerable<string> Misses(MeanShare mean)
    {
        if (mean.FfmaShare < LeastMeanShare)
            yield return $"the network on {mean.Arch} at batch {mean.Batch} has {Figures.Text(mean.FfmaShare, "F3")} of multiply-adds "
                + $"by their number, at least {Figures.Text(LeastMeanShare, "F2")} were wanted";
    }

    /// <summary>Rows of the cost model's table that differ from the machine code of their kernels.</summary>
    public static IEnumerable<string> StaleTileCode(IReadOnlyCollection<KernelReport> kernels)
    {
        foreach (IGrouping<string?, KernelReport> ofTile in kernels.Where(IsInTable).GroupBy(kernel => kernel.Tile))
        {
            GemmTile tile = TileNamed(ofTile.Key!);
            int registers = ofTile.Max(kernel => kernel.Registers);
            double instructions = ofTile.Max(kernel => TileCode.Of(tile).SliceFfma / kernel.HotLoopFfmaShare!.Value);
            TileCode? row = TileCode.All.FirstOrDefault(code => code.Tile == tile);
            bool isRight = row is not null
                && Math.Abs(row.Registers - registers) <= RegisterTolerance
                && Math.Abs(row.SliceInstructions - instructions) <= InstructionTolerance * instructions;
            if (isRight) continue;
            string known = row is null ? "is missing" : $"says {row.Registers} registers and {row.SliceInstructions} instructions";
            yield return $"the cost model's row of tile {tile} {known}, the machine code has {registers} and "
                + $"{Figures.Text(instructions, "F0")}; write these to TileCode";
        }
    }

    private static bool IsInTable(KernelReport kernel) =>
        kernel.Arch == OccupancyArch && kernel.HotLoopFfma is not null
            && !kernel.Kernel.Contains(nameof(QuadActivations), StringComparison.Ordinal);

    private static GemmTile TileNamed(string name) => GemmTile.All.Single(tile => tile.ToString() == name);

    private static double? LeastShare(GemmTile tile) => Math.Min(tile.M, tile.N) switch
    {
        >= 128 => LeastShareOf128,
        >= 64 => LeastShareOf64,
        _ => null,
    };
}
