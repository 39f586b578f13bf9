namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// An estimate of what a step of the tiled family takes on a device, from what the machine code does (<see cref="TileCode"/>) and what the device can
/// (<see cref="DeviceProfile"/>). Pure; nothing in it was fitted to a measurement.
/// </summary>
/// <remarks>
/// A launch of the matrix product takes the longest of three:
/// <list type="bullet">
/// <item>Multiprocessors: groups run in waves of as many as fit (occupancy). For a slice, a wave takes the cycles in which its
/// schedulers issue all instructions (one per cycle and partition; a multiply-add keeps a partition's pipe for 32 over its lanes cycles),
/// or those in which shared memory serves its loads, or, with few groups, one group's own: its instructions or the latency of
/// its global loads behind which they hide, and a barrier. A wave begins with a load from memory and ends with a store, which hide behind nothing, as do the
/// exchanges of sums where K is partitioned.</item>
/// <item>Second-level cache: every group reads its slices of both operands.</item>
/// <item>Memory: filters always, maps and workspace when they do not fit half of the cache, at a share of the peak. Maps that lie about for more images than
/// are computed at a time (<see cref="MapsInFlight"/>) must fit with all of these, and those that wait for a later step beside them.</item>
/// </list>
/// Other launches, the transforms of Winograd's algorithm among them, take their bytes. A launch takes no less than enqueueing it does.
/// </remarks>
internal sealed class TiledCostModel(DeviceProfile device) : ICostModel
{
    /// <summary>A load that misses the caches: 400 to 600 cycles on Volta to Ampere (Jia et al. 2018, arXiv:1804.06826, and 2019, arXiv:1903.07486).</summary>
    private const double GlobalLatency = 600;

    /// <summary>From a barrier to the first product after it: about 30 cycles each for the barrier and a load of shared memory (the same).</summary>
    private const double BarrierLatency = 60;

    /// <summary>Of an exchange of 16 sums: 32 selections, 16 additions, 4 stores, 4 loads, 2 barriers, and some addresses.</summary>
    private const double ExchangeInstructions = 64;

    /// <summary>
    /// Cycles that a warp's 16-byte loads of shared memory take of its 128-byte port: the lanes of a warp name at most 16 quads, the others repeat them.
    /// </summary>
    private const double SharedLoadCycles = 2;

    /// <summary>
    /// Share of the other instructions that take time of their own where a multiply-add keeps its pipe for two cycles: in the second of them a
    /// scheduler can issue something else, if a warp has it ready. Nobody says how often; half is assumed.
    /// </summary>
    private const double ShownShare = 0.5;

    /// <summary>
    /// Bytes per clock that the cache gives a multiprocessor: measured 18 on V100 and 20 on T4 (the same papers).
    /// </summary>
    private const double CacheBytesPerClock = 16;

    /// <summary>Share of its peak that memory gives to long reads: about 0.8 to 0.9 in the same papers.</summary>
    private const double MemoryEfficiency = 0.85;

    /// <summary>Share of the cache that maps may take and still be there when the next layer reads them.</summary>
    private const double CacheShare = 0.5;

    /// <summary>Idle time between two dependent launches of one stream.</summary>
    private const double GapSeconds = 1.5e-6;

    /// <summary>Processor time to enqueue a launch: shorter kernels wait for it.</summary>
    private const double EnqueueSeconds = 4e-6;

    /// <inheritdoc/>
    /// <remarks>The model came within 20 % of what is published for V100 and T4 (bench/NOTES.md).</remarks>
    public double Indifference => 0.10;

    /// <inheritdoc/>
    public StepCost OfConv2d(in Conv2dShape shape, in Conv2dMethod method, bool hasResidual, MapsInFlight? maps = null)
    {
        MapsInFlight inFlight = maps ?? MapsInFlight.Of(shape.N);
        GemmShape gemm = GemmShape.Of(shape, method.Algorithm);
        long filter = Bytes((long)gemm.Batches * gemm.K * gemm.N);
        long input = Bytes(shape.InputLength), output = Bytes(shape.OutputLength), residual = hasResidual ? output : 0;
        long workspace = Bytes(TiledConv2dMethods.WorkspaceLength(shape, method));
        double ofImage = (double)(input + output + residual + workspace) / shape.N + Bytes(inFlight.Waiting);
        double bytesPerSecond = BytesPerSecond(ofImage * shape.N);
        double reading = input / BytesPerSecond(ofImage * inFlight.Input);
        double ending = output / BytesPerSecond(ofImage * inFlight.Output) + residual / BytesPerSecond(ofImage * inFlight.Residual);

        long blocks = gemm.Blocks(method.Tile, method.Splits);
        int slices = gemm.SlicesPerSplit(method.Tile, method.Splits);
        TileCode code = TileCode.Of(method.Tile);
        int resident = Math.Max(1, device.Limits.BlocksOf(method.Tile.Threads, code.Registers, code.SharedBytes));
        double computing = Cycles(code, blocks, slices, resident) / device.ClockHz;
        double feeding = Bytes(blocks * slices * method.Tile.K * (method.Tile.M + method.Tile.N)) / CacheBytesPerSecond;

        // The launches around the product, and what they move: maps and, once more, what they leave or take in the workspace. The product moves the rest.
        bool isWinograd = method.Algorithm is not Conv2dAlgorithm.Direct, isPadded = !isWinograd && shape.C % Float4.Width != 0;
        bool hasBefore = isWinograd || isPadded, hasAfter = isWinograd || gemm.Parts(method.Tile, method.Splits) > 1;
        long padded = isPadded ? input / shape.C * PackedFilter.RoundUpToQuads(shape.C) : 0;
        long left = isWinograd ? Bytes((long)gemm.Batches * gemm.M * gemm.K) : padded;
        long taken = isWinograd ? Bytes((long)gemm.Batches * gemm.M * gemm.N) : hasAfter ? workspace - padded : 0;
        double moving = filter / (MemoryEfficiency * device.MemoryBytesPerSecond) + (hasBefore ? 0 : reading) + (hasAfter ? 0 : ending)
            + (2 * workspace - left - taken) / bytesPerSecond;
        double seconds = Launch(Math.Max(Math.Max(computing, feeding), moving))
            + (hasBefore ? Launch(reading + left / bytesPerSecond) : 0) + (hasAfter ? Launch(ending + taken / bytesPerSecond) : 0);
        return new StepCost(
            1 + (hasBefore ? 1 : 0) + (hasAfter ? 1 : 0), blocks, (double)blocks / (device.Multiprocessors * resident), filter + input + output + residual + 2 * workspace, seconds,
            Math.Max(2 * gemm.Macs / device.PeakFlops, filter / device.MemoryBytesPerSecond + MemoryEfficiency * (reading + ending)));
    }

    /// <inheritdoc/>
    public StepCost OfPass(long input, long residual, long output, int images, MapsInFlight? maps = null)
    {
        MapsInFlight inFlight = maps ?? MapsInFlight.Of(images);
        long bytes = Bytes(input + residual + output);
        double ofImage = (double)bytes / images + Bytes(inFlight.Waiting);
        double moving = Bytes(input) / BytesPerSecond(ofImage * inFlight.Input) + Bytes(residual) / BytesPerSecond(ofImage * inFlight.Residual)
            + Bytes(output) / BytesPerSecond(ofImage * inFlight.Output);
        return new StepCost(1, 0, 0, bytes, Launch(GlobalLatency / device.ClockHz + moving), MemoryEfficiency * moving);
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Among the methods that the model cannot tell from the fastest: one with a group for every multiprocessor, and then the one that
    /// executes the fewest instructions for its multiply-adds, which cost power and clock as well. A method with less than a wave of groups
    /// is not taken where a full wave is modelled to be faster.
    /// </remarks>
    public Conv2dMethod Fastest(IEnumerable<Conv2dMethod> methods, Func<Conv2dMethod, StepCost> cost)
    {
        (Conv2dMethod Method, StepCost Cost)[] all = [.. methods.Select(method => (method, cost(method)))];
        double indifferent = (1 + Indifference) * all.Min(candidate => candidate.Cost.Seconds);
        double fullWave = all.Where(candidate => candidate.Cost.Waves >= 1)
            .Select(candidate => candidate.Cost.Seconds).DefaultIfEmpty(double.PositiveInfinity).Min();
        return all
            .Where(candidate => candidate.Cost.Seconds <= indifferent && (candidate.Cost.Waves >= 1 || candidate.Cost.Seconds <= fullWave))
            .OrderByDescending(candidate => candidate.Cost.Blocks >= device.Multiprocessors)
            .ThenBy(candidate => TileCode.Of(candidate.Method.Tile).InstructionsPerFfma)
            .ThenBy(candidate => candidate.Cost.Seconds)
            .First().Method;
    }

    /// <summary>Cycles of the busiest multiprocessor for all its waves.</summary>
    private double Cycles(TileCode code, long blocks, int slices, int resident)
    {
        (long full, long rest) = Math.DivRem(blocks, (long)device.Multiprocessors * resident);
        long last = (rest + device.Multiprocessors - 1) / device.Multiprocessors;
        return full * Wave(resident) + (last > 0 ? Wave(last) : 0);

        double Wave(long groups) => slices * SliceCycles(code, groups) + code.Exchanges * ExchangeCycles(code, groups) + 2 * GlobalLatency;
    }

    /// <summary>Cycles in which some groups on one multiprocessor advance by a slice.</summary>
    private double SliceCycles(TileCode code, long groups)
    {
        double warps = WarpsOf(code);
        double cyclesPerFfma = Math.Max(1, (double)MultiprocessorLimits.WarpSize * MultiprocessorLimits.Partitions / device.Lanes);
        double perWarp = code.SliceFfma * cyclesPerFfma + (code.SliceInstructions - code.SliceFfma) * (cyclesPerFfma > 1 ? ShownShare : 1);
        double issuing = Math.Ceiling(groups * warps / MultiprocessorLimits.Partitions) * perWarp;
        double sharing = groups * warps * code.SliceSharedLoads * SharedLoadCycles;
        double alone = Math.Max(Math.Ceiling(warps / MultiprocessorLimits.Partitions) * perWarp, GlobalLatency) + BarrierLatency;
        return Math.Max(Math.Max(issuing, sharing), alone);
    }

    /// <summary>Cycles of an exchange of sums between partitions of K: its instructions and two barriers.</summary>
    private static double ExchangeCycles(TileCode code, long groups) =>
        Math.Ceiling(groups * WarpsOf(code) / MultiprocessorLimits.Partitions) * ExchangeInstructions + 2 * BarrierLatency;

    private static double WarpsOf(TileCode code) => (double)code.Tile.Threads / MultiprocessorLimits.WarpSize;

    private double CacheBytesPerSecond => CacheBytesPerClock * device.Multiprocessors * device.ClockHz;

    /// <summary>At which maps move that take so many bytes together: they come from the layer before and are read by the next.</summary>
    private double BytesPerSecond(double bytes) =>
        bytes <= CacheShare * device.CacheBytes ? CacheBytesPerSecond : MemoryEfficiency * device.MemoryBytesPerSecond;

    private static double Launch(double seconds) => Math.Max(EnqueueSeconds, GapSeconds + seconds);

    private static long Bytes(long floats) => floats * sizeof(float);
}
