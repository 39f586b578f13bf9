using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>Modules: PTX, parsed once.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    /// <summary><c>CU_JIT_ERROR_LOG_BUFFER</c> and <c>CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES</c>.</summary>
    private const int ErrorLog = 5, ErrorLogSize = 6;

    public CudaResult cuModuleLoadData(nint* module, byte* ptx) => Call(Needs.Context, () => Load(module, ptx, null, 0));

    public CudaResult cuModuleLoadDataEx(nint* module, byte* ptx, int options, int* keys, nint* values) => Call(Needs.Context, () =>
    {
        (nint log, int size) = LogOf(options, keys, values);
        return Load(module, ptx, (byte*)log, size);
    }, refused: () =>
    {
        (nint log, int size) = LogOf(options, keys, values);
        WriteLog("", (byte*)log, size);
    });

    public CudaResult cuModuleUnload(nint module) => Call(Needs.Context, () =>
    {
        // ILGPU's finaliser of a kernel whose module could not be loaded unloads the handle that it never got. It frees nothing twice.
        if (module == 0) return CudaResult.InvalidHandle;
        if (handles.Find<SimulatedModule>(module) is not { } unloaded) return NoSuchHandle(module, "module", isFree: true);
        RunAll(unloaded.Context);
        handles.Remove(item => item is SimulatedFunction function && function.Module == unloaded);
        handles.Remove(module);
        return CudaResult.Success;
    });

    public CudaResult cuModuleGetFunction(nint* function, nint module, byte* name) => Call(Needs.Context, () =>
    {
        if (handles.Find<SimulatedModule>(module) is not { } found) return NoSuchHandle(module, "module");
        if (found.Program.Name != Marshal.PtrToStringUTF8((nint)name)) return CudaResult.NotFound;
        *function = handles.Add(new SimulatedFunction(found));
        return CudaResult.Success;
    });

    private CudaResult Load(nint* module, byte* text, byte* log, int logSize)
    {
        string ptx = Marshal.PtrToStringUTF8((nint)text)!;
        try
        {
            PtxProgram program = PtxParser.Parse(ptx, contracts: true);
            int target = int.Parse(Target().Match(ptx).Groups[1].ValueSpan, CultureInfo.InvariantCulture);
            if (target > settings.Devices[Current!.Device].Capability)
                throw new PtxException($"{program.Name}: sm_{target} is more than the device has");
            if (program.SharedBytes > MostSharedBytesPerBlock)
                throw new PtxException($"{program.Name}: {program.SharedBytes} bytes of shared memory are too many");
            *module = handles.Add(new SimulatedModule(Current!, program));
            return CudaResult.Success;
        }
        catch (PtxException e)
        {
            Report(FindingKind.Unsupported, $"the module is refused: {e.Message}");
            WriteLog(e.Message, log, logSize);
            return CudaResult.InvalidPtx;
        }
    }

    /// <summary>The buffer that the host gives for errors, and its size; 0 where it gives none.</summary>
    private static (nint Log, int Size) LogOf(int options, int* keys, nint* values)
    {
        (nint log, int size) = (0, 0);
        for (int i = 0; i < options; i++)
        {
            if (keys[i] == ErrorLog) log = values[i];
            if (keys[i] == ErrorLogSize) size = (int)values[i];
        }
        return (log, log == 0 ? 0 : size);
    }

    /// <summary>Writes a message, and blanks behind it: ILGPU reads the whole buffer, and would fill logs of tests with zeros.</summary>
    private static void WriteLog(string message, byte* log, int size)
    {
        if (size > 0) WriteText(message.PadRight(size), log, size);
    }

    [GeneratedRegex(@"^\.target sm_(\d+)", RegexOptions.Multiline)]
    private static partial Regex Target();
}

/// <summary>A loaded module, with its only entry.</summary>
internal sealed record SimulatedModule(SimulatedContext Context, PtxProgram Program) : IContextOwned;

/// <summary>A module's entry, as launches name it.</summary>
internal sealed record SimulatedFunction(SimulatedModule Module) : IContextOwned
{
    public SimulatedContext Context => Module.Context;

    public PtxProgram Program => Module.Program;
}
