namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Estimates what a step of the tiled family costs on a device, from the tile's machine code (<see cref="TileCode"/>) and the device's
/// numbers (<see cref="DeviceProfile"/>). Pure; no number in it was fitted to a measurement.
/// </summary>
/// <remarks>
/// A launch of the matrix product takes the longest of three times:
/// <list type="bullet">
/// <item>Multiprocessors: groups run in waves of as many groups as fit (occupancy). For a slice, a wave takes the cycles in which its
/// schedulers issue all instructions (one per cycle and partition; a multiply-add occupies a partition's pipe for 32 / lanes cycles), or
/// the cycles in which shared memory serves its loads, or, with few groups, the cycles of one group: its instructions or the latency of its
/// global loads, whichever is longer, and a barrier. A wave begins with a load from memory and ends with a store; both add to the time, as
/// do the exchanges of sums where K is partitioned.</item>
/// <item>Second-level cache: every group reads its slices of both operands.</item>
/// <item>Memory: filters always, maps and workspace when they do not fit half of the cache, at a share of the peak bandwidth. A map fits
/// only together with all images that are processed between writing and reading it (<see cref="MapsInFlight"/>), and with the maps that
/// wait for a later step.</item>
/// </list>
/// Other launches, such as the transforms of Winograd's algorithm, take the time of their bytes. No launch takes less time than enqueueing
/// it.
/// </remarks>
internal sealed class TiledCostModel(DeviceProfile device) : ICostModel
{
    /// <summary>
    /// Cycles of a load that misses the caches: 400 to 600 on Volta to Ampere (Jia et al. 2018, arXiv:1804.06826, and 2019,
    /// arXiv:1903.07486).
    /// </summary>
    private const double GlobalLatency = 600;

    /// <summary>
    /// Cycles from a barrier to the first product after it: about 30 each for the barrier and a load of shared memory (from those papers).
    /// </summary>
    private const double BarrierLatency = 60;

    /// <summary>
    /// Instructions of an exchange of 16 sums: 32 selections, 16 additions, 4 stores, 4 loads, 2 barriers, and some addresses.
    /// </summary>
    private const double ExchangeInstructions = 64;

    /// <summary>
    /// Cycles that a warp's 16-byte load occupies the 128-byte port of shared memory: the lanes of a warp read at most 16 different quads.
    /// </summary>
    private const double SharedLoadCycles = 2;

    /// <summary>
    /// Share of the other instructions that add to the time where a multiply-add occupies its pipe for two cycles: in the second cycle a
    /// scheduler can issue another instruction, if a warp has one ready. How often that happens is not published; half is assumed.
    /// </summary>
    private const double ShownShare = 0.5;

    /// <summary>
    /// Bytes per clock from the second-level cache to a multiprocessor: measured 18 on V100 and 20 on T4 (in those papers).
    /// </summary>
    private const double CacheBytesPerClock = 16;

    /// <summary>Share of the peak bandwidth that long reads of memory reach: about 0.8 to 0.9 in those papers.</summary>
    private const double MemoryEfficiency = 0.85;

    /// <summary>Share of the cache that maps may occupy so that they are still cached when the next layer reads them.</summary>
    private const double CacheShare = 0.5;

    /// <summary>Idle time between two dependent launches of one stream.</summary>
    private const double GapSeconds = 1.5e-6;

    /// <summary>Time in which the processor enqueues a launch; the device waits for it after shorter kernels.</summary>
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

        // The launches before and after the product move maps, and what they write to or read from the workspace. The product moves the
        // rest.
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
            1 + (hasBefore ? 1 : 0) + (hasAfter ? 1 : 0), blocks, (double)blocks / (device.Multiprocessors * resident),
            filter + input + output + residual + 2 * workspace, seconds,
            Math.Max(2 * gemm.Macs / device.PeakFlops, filter / device.MemoryBytesPerSecond + MemoryEfficiency * (reading + ending)));
    }

    /// <inheritdoc/>
    public StepCost OfPass(long input, long residual, long output, int images, MapsInFlight? maps = null)
    {
        MapsInFlight inFlight = maps ?? MapsInFlight.Of(images);
        long bytes = Bytes(input + residual + output);
        double ofImage = (double)bytes / images + Bytes(inFlight.Waiting);
        double moving = Bytes(input) / BytesPerSecond(ofImage * inFlight.Input)
            + Bytes(residual) / BytesPerSecond(ofImage * inFlight.Residual)
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
        long last = IntegerMath.DivideRoundUp(rest, (long)device.Multiprocessors);
        return full * Wave(resident) + (last > 0 ? Wave(last) : 0);

        double Wave(long groups) => slices * SliceCycles(code, groups) + code.Exchanges * ExchangeCycles(code, groups) + 2 * GlobalLatency;
    }

    /// <summary>Cycles in which a number of groups on one multiprocessor advance by a slice.</summary>
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

    /// <summary>
    /// Bandwidth at which maps move that occupy a number of bytes together, between the layer before and the layer after.
    /// </summary>
    private double BytesPerSecond(double bytes) =>
        bytes <= CacheShare * device.CacheBytes ? CacheBytesPerSecond : MemoryEfficiency * device.MemoryBytesPerSecond;

    private static double Launch(double seconds) => Math.Max(EnqueueSeconds, GapSeconds + seconds);

    private static long Bytes(long floats) => floats * sizeof(float);
}
