using IlgpuResNet.Devices;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;


namespace IlgpuResNet.Planning;

/// <summary>What one step costs on a device, by the model.</summary>
/// <param name="Launches">Kernels that are launched.</param>
/// <param name="Blocks">Groups of threads of the matrix product; of a step without one, 0.</param>
/// <param name="Waves">Those as a multiple of what runs at a time.</param>
/// <param name="Bytes">Bytes that leave or reach a multiprocessor's chip-wide memory at least: operands, results and intermediate results, once each.</param>
/// <param name="Seconds">Time.</param>
/// <param name="FloorSeconds">
/// The least time of the same algorithm: its multiply-adds at the device's peak, or its operands and results at that of the memory or cache they lie in.
/// </param>
internal readonly record struct StepCost(int Launches, long Blocks, double Waves, long Bytes, double Seconds, double FloorSeconds)
{
    /// <summary>The step's cost for more images; groups and waves remain those of one launch for these.</summary>
    public StepCost Then(int times, StepCost others) => this with
    {
        Launches = times * Launches + others.Launches,
        Bytes = times * Bytes + others.Bytes,
        Seconds = times * Seconds + others.Seconds,
        FloorSeconds = times * FloorSeconds + others.FloorSeconds,
    };
}

/// <summary>What decides whether the maps of a step are still in the cache when they are read.</summary>
/// <param name="Input">Images that are computed from when the input is written to when it is read: as many as at a time, or the whole batch when a segment of its own wrote it.</param>
/// <param name="Residual">The same of the residual.</param>
/// <param name="Output">The same of the output.</param>
/// <param name="Waiting">Floats of an image in maps that the step does not touch and a later one reads.</param>
internal readonly record struct MapsInFlight(int Input, int Residual, int Output, long Waiting)
{
    /// <summary>Of a step among steps that compute as many images at a time, and nothing waits.</summary>
    public static MapsInFlight Of(int images) => new(images, images, images, 0);
}

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
internal static class CostModel
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

    /// <summary>Kernels load pixels of whole quads of channels; others are copied first.</summary>
    private const int FloatsPerQuad = 4;

    /// <summary>Idle time between two dependent launches of one stream.</summary>
    private const double GapSeconds = 1.5e-6;

    /// <summary>Processor time to enqueue a launch: shorter kernels wait for it.</summary>
    private const double EnqueueSeconds = 4e-6;

    /// <summary>A convolution by one kernel of the tiled family, each of its maps between steps that compute as many images at a time.</summary>
    /// <exception cref="ArgumentException">The family has no such tile.</exception>
    public static StepCost OfConv2d(DeviceProfile device, in Conv2dShape shape, in Conv2dMethod kernel, bool hasResidual) =>
        OfConv2d(device, shape, kernel, hasResidual, MapsInFlight.Of(shape.N));

    /// <summary>A convolution by one kernel of the tiled family.</summary>
    /// <param name="device">Where.</param>
    /// <param name="shape">What, for the images that are computed at a time.</param>
    /// <param name="kernel">How.</param>
    /// <param name="hasResidual">True when a map of the output's shape is added.</param>
    /// <param name="maps">How long its maps lie about.</param>
    /// <exception cref="ArgumentException">The family has no such tile.</exception>
    public static StepCost OfConv2d(DeviceProfile device, in Conv2dShape shape, in Conv2dMethod kernel, bool hasResidual, MapsInFlight maps)
    {
        GemmShape gemm = GemmShape.Of(shape, kernel.Algorithm);
        long filter = Bytes((long)gemm.Batches * gemm.K * gemm.N);
        long input = Bytes(shape.InputLength), output = Bytes(shape.OutputLength), residual = hasResidual ? output : 0;
        long workspace = Bytes(TiledConv2dMethods.WorkspaceLength(shape, kernel));
        double ofImage = (double)(input + output + residual + workspace) / shape.N + Bytes(maps.Waiting);
        double bytesPerSecond = BytesPerSecond(device, ofImage * shape.N);
        double reading = input / BytesPerSecond(device, ofImage * maps.Input);
        double ending = output / BytesPerSecond(device, ofImage * maps.Output) + residual / BytesPerSecond(device, ofImage * maps.Residual);

        long blocks = gemm.Blocks(kernel.Tile, kernel.Splits);
        int slices = gemm.SlicesPerSplit(kernel.Tile, kernel.Splits);
        TileCode code = TileCode.Of(kernel.Tile);
        int resident = Math.Max(1, device.Limits.BlocksOf(kernel.Tile.Threads, code.Registers, code.SharedBytes));
        double computing = Cycles(device, code, blocks, slices, resident) / device.ClockHz;
        double feeding = Bytes(blocks * slices * kernel.Tile.K * (kernel.Tile.M + kernel.Tile.N)) / CacheBytesPerSecond(device);

        // The launches around the product, and what they move: maps and, once more, what they leave or take in the workspace. The product moves the rest.
        bool isWinograd = kernel.Algorithm is not Conv2dAlgorithm.Direct, isPadded = !isWinograd && shape.C % FloatsPerQuad != 0;
        bool hasBefore = isWinograd || isPadded, hasAfter = isWinograd || gemm.Parts(kernel.Tile, kernel.Splits) > 1;
        long padded = isPadded ? input / shape.C * ((shape.C + FloatsPerQuad - 1) / FloatsPerQuad * FloatsPerQuad) : 0;
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

    /// <summary>A step that reads and writes maps and does little else, such as a pool, between steps that compute as many images at a time.</summary>
    public static StepCost OfPass(DeviceProfile device, long floats) => OfPass(device, floats, 0, 0, 1, MapsInFlight.Of(1));

    /// <summary>A step that reads and writes maps and does little else.</summary>
    /// <param name="device">Where.</param>
    /// <param name="input">Floats that it reads.</param>
    /// <param name="residual">Floats that it adds.</param>
    /// <param name="output">Floats that it writes.</param>
    /// <param name="imagesAtATime">Images whose floats these are.</param>
    /// <param name="maps">How long its maps lie about.</param>
    public static StepCost OfPass(DeviceProfile device, long input, long residual, long output, int imagesAtATime, MapsInFlight maps)
    {
        long bytes = Bytes(input + residual + output);
        double ofImage = (double)bytes / imagesAtATime + Bytes(maps.Waiting);
        double moving = Bytes(input) / BytesPerSecond(device, ofImage * maps.Input) + Bytes(residual) / BytesPerSecond(device, ofImage * maps.Residual)
            + Bytes(output) / BytesPerSecond(device, ofImage * maps.Output);
        return new StepCost(1, 0, 0, bytes, Launch(GlobalLatency / device.ClockHz + moving), MemoryEfficiency * moving);
    }

    /// <summary>Cycles of the busiest multiprocessor for all its waves.</summary>
    private static double Cycles(DeviceProfile device, TileCode code, long blocks, int slices, int resident)
    {
        (long full, long rest) = Math.DivRem(blocks, (long)device.Multiprocessors * resident);
        long last = (rest + device.Multiprocessors - 1) / device.Multiprocessors;
        return full * Wave(resident) + (last > 0 ? Wave(last) : 0);

        double Wave(long groups) => slices * SliceCycles(device, code, groups) + code.Exchanges * ExchangeCycles(code, groups) + 2 * GlobalLatency;
    }

    /// <summary>Cycles in which some groups on one multiprocessor advance by a slice.</summary>
    private static double SliceCycles(DeviceProfile device, TileCode code, long groups)
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

    private static double CacheBytesPerSecond(DeviceProfile device) => CacheBytesPerClock * device.Multiprocessors * device.ClockHz;

    /// <summary>At which maps move that take so many bytes together: they come from the layer before and are read by the next.</summary>
    private static double BytesPerSecond(DeviceProfile device, double bytes) =>
        bytes <= CacheShare * device.CacheBytes ? CacheBytesPerSecond(device) : MemoryEfficiency * device.MemoryBytesPerSecond;

    private static double Launch(double seconds) => Math.Max(EnqueueSeconds, GapSeconds + seconds);

    private static long Bytes(long floats) => floats * sizeof(float);
}
