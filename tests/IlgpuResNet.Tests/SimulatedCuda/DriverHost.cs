using System.Runtime.CompilerServices;
using System.Text;
using IlgpuResNet.SimulatedCuda;
using IlgpuResNet.Tests.Ptx;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>A host program for tests of the simulated driver itself: it calls the driver in this process, without ILGPU.</summary>
internal sealed unsafe class DriverHost
{
    /// <summary><c>CU_STREAM_NON_BLOCKING</c>, as ILGPU makes its streams.</summary>
    private const int NonBlocking = 1;

    private const nint BufferPointer = 1, BufferSize = 2;

    public DriverHost(ExecutionTiming timing = ExecutionTiming.Late, int seed = 1, params DeviceModel[] devices)
    {
        Driver = new SimulatedDriver(new DriverSettings
        {
            Timing = timing,
            Seed = seed,
            Devices = devices.Length == 0 ? [DeviceModel.A100] : [.. devices],
        });
        Check(Driver.cuInit(0));
        Context = CreateContext();
    }

    public SimulatedDriver Driver { get; }

    public nint Context { get; }

    /// <summary>Host memory that does not move; whether it is page-locked, the driver is told.</summary>
    public static byte[] HostMemory(int bytes, byte value)
    {
        byte[] memory = GC.AllocateArray<byte>(bytes, pinned: true);
        memory.AsSpan().Fill(value);
        return memory;
    }

    public static nint AddressOf(byte[] pinned) => (nint)Unsafe.AsPointer(ref pinned[0]);

    public static void Check(CudaResult result) => Assert.AreEqual(CudaResult.Success, result);

    public nint CreateContext(int device = 0)
    {
        nint context;
        Check(Driver.cuCtxCreate_v2(&context, 0, device));
        return context;
    }

    public nint CreateStream()
    {
        nint stream;
        Check(Driver.cuStreamCreate(&stream, NonBlocking));
        return stream;
    }

    public CudaResult TryAllocate(int bytes, out nint address)
    {
        nint allocated = 0;
        CudaResult result = Driver.cuMemAlloc_v2(&allocated, bytes);
        address = allocated;
        return result;
    }

    public nint Allocate(int bytes)
    {
        Check(TryAllocate(bytes, out nint address));
        return address;
    }

    public void Lock(byte[] memory) => Check(Driver.cuMemHostRegister_v2(AddressOf(memory), memory.Length, 0));

    public void Unlock(byte[] memory) => Check(Driver.cuMemHostUnregister(AddressOf(memory)));

    public void Upload(nint target, byte[] source, nint stream) =>
        Check(Driver.cuMemcpyAsync(target, AddressOf(source), source.Length, stream));

    public void Download(byte[] target, nint source, nint stream) =>
        Check(Driver.cuMemcpyAsync(AddressOf(target), source, target.Length, stream));

    public void Fill(nint address, byte value, int bytes, nint stream) => Check(Driver.cuMemsetD8Async(address, value, bytes, stream));

    public CudaResult Synchronize(nint stream) => Driver.cuStreamSynchronize(stream);

    /// <summary>Loads PTX with a log for errors, and returns all that the log holds.</summary>
    public (CudaResult Result, string Log) LoadLogged(string ptx)
    {
        const int ErrorLog = 5, ErrorLogSize = 6;
        byte[] log = new byte[256];
        nint module;
        fixed (byte* text = Encoding.UTF8.GetBytes(ptx + '\0'), buffer = log)
        {
            int* keys = stackalloc int[] { ErrorLog, ErrorLogSize };
            nint* values = stackalloc nint[] { (nint)buffer, log.Length };
            CudaResult result = Driver.cuModuleLoadDataEx(&module, text, 2, keys, values);
            return (result, Encoding.ASCII.GetString(log));
        }
    }

    /// <summary>Loads a kernel of <see cref="PtxSnippet"/>, if the driver takes it.</summary>
    public CudaResult TryLoadKernel(string body)
    {
        nint module;
        fixed (byte* ptx = Encoding.UTF8.GetBytes(PtxSnippet.Kernel(body) + '\0')) return Driver.cuModuleLoadData(&module, ptx);
    }

    /// <summary>Loads a kernel of <see cref="PtxSnippet"/>.</summary>
    public nint LoadKernel(string body)
    {
        nint module, function;
        fixed (byte* ptx = Encoding.UTF8.GetBytes(PtxSnippet.Kernel(body) + '\0')) Check(Driver.cuModuleLoadData(&module, ptx));
        fixed (byte* name = "Snippet\0"u8) Check(Driver.cuModuleGetFunction(&function, module, name));
        return function;
    }

    /// <summary>
    /// Launches such a kernel with the address of its buffer in an argument buffer, 16 bytes long where nothing else is said.
    /// </summary>
    public CudaResult Launch(nint function, nint data, nint stream, int threads = 1, int argumentBytes = 16, int gridY = 1)
    {
        nint* arguments = stackalloc nint[4];
        arguments[0] = data;
        nint size = argumentBytes;
        nint* extra = stackalloc nint[] { BufferPointer, (nint)arguments, BufferSize, (nint)(&size), 0 };
        return Driver.cuLaunchKernel(function, 1, gridY, 1, threads, 1, 1, 0, stream, 0, (nint)extra);
    }

    /// <summary>Asserts that the driver has found mistakes of this kind and no others, and that each says which test made it.</summary>
    public void AssertFound(FindingKind kind, string call, [CallerMemberName] string test = "")
    {
        IReadOnlyList<Finding> findings = Driver.Findings;
        Assert.IsNotEmpty(findings);
        foreach (Finding finding in findings)
        {
            Assert.AreEqual(kind, finding.Kind, finding.ToString());
            Assert.AreEqual(call, finding.Call);
            StringAssert.Contains(finding.Stack, test);
        }
    }

    public void AssertFaultless() => Assert.IsEmpty(Driver.Findings, string.Join('\n', Driver.Findings));
}
