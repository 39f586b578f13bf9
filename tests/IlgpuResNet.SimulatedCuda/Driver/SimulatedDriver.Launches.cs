using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>Kernel launches.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    /// <summary>Limits of every device since compute capability 3.0 (CUDA C++ programming guide, technical specifications).</summary>
    private const int MostThreadsPerBlock = 1024, MostBlockZ = 64, MostGridYz = 65_535, MostSharedBytesPerBlock = 49_152;

    /// <summary><c>CU_LAUNCH_PARAM_BUFFER_POINTER</c> and <c>CU_LAUNCH_PARAM_BUFFER_SIZE</c>.</summary>
    private const nint BufferPointer = 1, BufferSize = 2;

    public CudaResult cuLaunchKernel(
        nint function, int gridX, int gridY, int gridZ, int blockX, int blockY, int blockZ, int sharedBytes,
        nint stream, nint arguments, nint extra) =>
        Call(Needs.Context, () =>
        {
            if (handles.Find<SimulatedFunction>(function) is not { } launched) return NoSuchHandle(function, "function");
            if (FindStream(stream) is not { } on) return CudaResult.InvalidHandle;
            PtxProgram program = launched.Program;
            if (launched.Context != on.Context)
                Report(FindingKind.WrongContext, $"{program.Name} belongs to {launched.Context}, {on} to {on.Context}", on);
            Dim3 grid = new(gridX, gridY, gridZ), block = new(blockX, blockY, blockZ);
            if (BrokenLimit(program, grid, block, sharedBytes) is { } limit)
            {
                Report(FindingKind.LaunchLimit, $"{program.Name}: {limit}", on);
                return CudaResult.InvalidValue;
            }
            if (ReadArguments(program, (void**)arguments, (void**)extra) is not { } values) return CudaResult.InvalidValue;
            Enqueue(on, $"kernel {program.Name}", operation => Execute(operation, program, grid, block, values));
            return CudaResult.Success;
        });

    public CudaResult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, nint function, int block, nint sharedBytes) => Call(
        Needs.Context, () => Answer(blocks, Math.Max(1, settings.Devices[Current!.Device].ThreadsPerMultiprocessor / Math.Max(block, 1))));

    public CudaResult cuOccupancyMaxPotentialBlockSize(int* grid, int* block, nint function, nint callback, nint sharedBytes, int limit) =>
        Call(Needs.Context, () =>
        {
            DeviceModel model = settings.Devices[Current!.Device];
            *block = limit > 0 ? Math.Min(limit, MostThreadsPerBlock) : MostThreadsPerBlock;
            *grid = model.Multiprocessors * Math.Max(1, model.ThreadsPerMultiprocessor / *block);
            return CudaResult.Success;
        });

    private static string? BrokenLimit(PtxProgram program, Dim3 grid, Dim3 block, int sharedBytes)
    {
        if (grid.X < 1 || grid.Y is < 1 or > MostGridYz || grid.Z is < 1 or > MostGridYz) return $"a grid of {grid} is impossible";
        if (block.X < 1 || block.Y < 1 || block.Z is < 1 or > MostBlockZ) return $"a block of {block} is impossible";
        long threads = (long)block.X * block.Y * block.Z;
        if (threads > Math.Min(MostThreadsPerBlock, program.MaxThreads)) return $"a block of {threads} threads is too large";
        return sharedBytes + program.SharedBytes > MostSharedBytesPerBlock
            ? $"{sharedBytes} bytes of dynamic shared memory are too many" : null;
    }

    /// <summary>
    /// The bytes of each parameter, from an array of pointers or from one packed buffer; null where their sizes do not fit.
    /// </summary>
    private byte[][]? ReadArguments(PtxProgram program, void** pointers, void** extra)
    {
        if (pointers is not null)
            return [.. program.Parameters.Select((parameter, i) => new ReadOnlySpan<byte>(pointers[i], parameter.Length).ToArray())];
        byte* buffer = null;
        long size = 0;
        for (void** pair = extra; *pair is not null; pair += 2)
        {
            if ((nint)pair[0] == BufferPointer) buffer = (byte*)pair[1];
            if ((nint)pair[0] == BufferSize) size = *(nint*)pair[1];
        }
        var values = new byte[program.Parameters.Count][];
        long at = 0;
        for (int i = 0; i < values.Length; i++)
        {
            PtxParameter parameter = program.Parameters[i];
            at = (at + parameter.Alignment - 1) / parameter.Alignment * parameter.Alignment;
            if (at + parameter.Length > size)
            {
                Report(
                    FindingKind.ArgumentSize,
                    $"{program.Name}: the argument buffer has {size} bytes, but parameter {i} ends at {at + parameter.Length}");
                return null;
            }
            values[i] = new ReadOnlySpan<byte>(buffer + at, parameter.Length).ToArray();
            at += parameter.Length;
        }
        if (at == size) return values;
        Report(FindingKind.ArgumentSize, $"{program.Name}: the argument buffer has {size} bytes, but the parameters take {at}");
        return null;
    }

    /// <summary>
    /// Runs a kernel on the memory of its context: thread by thread, with the interpreter's race detector, or warp by warp, without it.
    /// </summary>
    private void Execute(Operation operation, PtxProgram program, Dim3 grid, Dim3 block, byte[][] arguments)
    {
        var memory = AddressSpace.Global(program);
        memory.UnwrittenRead = message => Report(FindingKind.UninitializedRead, operation, message);
        var regions = new List<(Allocation Allocation, Region Region)>();
        foreach (Allocation allocation in allocations.Values.Where(allocation => allocation.Context == operation.Stream.Context))
            regions.Add((allocation, memory.Add(allocation.CreateRegion(program.NarrowestGlobalElement))));
        var launch = new PtxLaunch(program, grid, block, memory, arguments);
        if (settings.Engine is ExecutionEngine.Warps) WarpEngine.Run(launch);
        else launch.Run(Scheduler.InOrder());
        foreach ((Allocation allocation, Region region) in regions)
        {
            if (!region.Loaded.IsEmpty) Touch(operation, allocation, region.Loaded.First, region.Loaded.Length, isWrite: false);
            if (!region.Stored.IsEmpty) Touch(operation, allocation, region.Stored.First, region.Stored.Length, isWrite: true);
        }
    }

    /// <summary>Reports what a kernel did wrong.</summary>
    /// <returns>What the context returns from now on.</returns>
    private CudaResult Fail(Operation operation, PtxException e)
    {
        if (e.Fault is not PtxFault.OutOfBounds) Report(FindingKind.KernelFault, operation, e.Message);
        else if (FreedAt(e.Address) is { } freed) Report(FindingKind.UseAfterFree, operation, $"{e.Message}; {freed.Name} is freed");
        else Report(FindingKind.OutOfBounds, operation, e.Message);
        return e.Fault switch
        {
            PtxFault.OutOfBounds => CudaResult.IllegalAddress,
            PtxFault.Misaligned => CudaResult.MisalignedAddress,
            _ => CudaResult.LaunchFailed,
        };
    }
}
