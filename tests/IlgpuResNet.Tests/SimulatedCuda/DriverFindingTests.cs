using IlgpuResNet.SimulatedCuda;
using IlgpuResNet.Tests.Ptx;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>Each kind of finding has a mistake that is found, and beside it the right use, of which nothing is found.</summary>
[TestClass]
public sealed class DriverFindingTests
{
    private const int Bytes = 4 * PtxSnippet.Words;
    private const byte Before = 1, After = 2;

    /// <summary>Writes each thread's number into its word.</summary>
    private const string StoreOwn = "st.global.u32 [%rd1], %r0;\nret;";

    [TestMethod]
    [DataRow(ExecutionTiming.Immediate)]
    [DataRow(ExecutionTiming.Late)]
    [DataRow(ExecutionTiming.Random)]
    internal void Race_between_streams(ExecutionTiming timing)
    {
        foreach (bool waits in (bool[])[true, false])
        {
            var host = new DriverHost(timing);
            nint memory = host.Allocate(Bytes), first = host.CreateStream(), second = host.CreateStream();
            host.Fill(memory, Before, Bytes, first);
            if (waits) DriverHost.Check(host.Synchronize(first));
            host.Fill(memory, After, Bytes, second);
            DriverHost.Check(host.Driver.cuCtxSynchronize());
            if (waits) host.AssertFaultless();
            else host.AssertFound(FindingKind.StreamRace, "cuMemsetD8Async");
        }
    }

    [TestMethod]
    public void No_race_where_streams_touch_other_bytes_or_only_read()
    {
        var host = new DriverHost();
        byte[] target = DriverHost.HostMemory(Bytes, Before), other = DriverHost.HostMemory(Bytes, Before);
        host.Lock(target);
        host.Lock(other);
        nint memory = host.Allocate(2 * Bytes), first = host.CreateStream(), second = host.CreateStream();
        host.Fill(memory, Before, Bytes, first);
        host.Fill(memory + Bytes, After, Bytes, second);
        DriverHost.Check(host.Driver.cuCtxSynchronize());
        host.Download(target, memory, first);
        host.Download(other, memory, second);
        DriverHost.Check(host.Driver.cuCtxSynchronize());
        host.AssertFaultless();
    }

    /// <summary>Streams of ILGPU are not ordered with the default stream; blocking ones are.</summary>
    [TestMethod]
    public unsafe void Blocking_streams_wait_for_the_default_stream()
    {
        foreach (int flags in (int[])[0, 1])
        {
            var host = new DriverHost();
            nint memory = host.Allocate(Bytes), stream;
            DriverHost.Check(host.Driver.cuStreamCreate(&stream, flags));
            host.Fill(memory, Before, Bytes, 0);
            host.Fill(memory, After, Bytes, stream);
            DriverHost.Check(host.Driver.cuCtxSynchronize());
            if (flags == 0) host.AssertFaultless();
            else host.AssertFound(FindingKind.StreamRace, "cuMemsetD8Async");
        }
    }

    [TestMethod]
    public void Source_that_changes_before_the_copy()
    {
        foreach (bool isPageLocked in (bool[])[false, true])
        {
            var host = new DriverHost();
            byte[] source = DriverHost.HostMemory(Bytes, Before);
            if (isPageLocked) host.Lock(source);
            nint memory = host.Allocate(Bytes), stream = host.CreateStream();
            host.Upload(memory, source, stream);
            source.AsSpan().Fill(After);
            DriverHost.Check(host.Synchronize(stream));
            byte[] read = DriverHost.HostMemory(Bytes, 0);
            host.Download(read, memory, stream);
            // Page-locked memory is read when the copy runs, other memory before the call returns.
            Assert.AreEqual(isPageLocked ? After : Before, read[0]);
            if (isPageLocked) host.AssertFound(FindingKind.SourceChanged, "cuMemcpyAsync");
            else host.AssertFaultless();
        }
    }

    [TestMethod]
    public void Source_that_the_device_itself_fills_before_the_copy()
    {
        var host = new DriverHost();
        byte[] shared = DriverHost.HostMemory(Bytes, Before);
        host.Lock(shared);
        nint first = host.Allocate(Bytes), second = host.Allocate(Bytes), stream = host.CreateStream();
        host.Fill(first, After, Bytes, stream);
        host.Download(shared, first, stream);
        host.Upload(second, shared, stream);
        DriverHost.Check(host.Synchronize(stream));
        host.AssertFaultless();
    }

    [TestMethod]
    public void Destination_holds_nothing_until_the_copy_has_run()
    {
        var host = new DriverHost();
        byte[] target = DriverHost.HostMemory(Bytes, Before);
        host.Lock(target);
        nint memory = host.Allocate(Bytes), stream = host.CreateStream();
        host.Fill(memory, After, Bytes, stream);
        host.Download(target, memory, stream);
        Assert.AreNotEqual(Before, target[0]);
        Assert.AreNotEqual(After, target[0]);
        DriverHost.Check(host.Synchronize(stream));
        Assert.AreEqual(After, target[0]);
    }

    [TestMethod]
    public void Page_lock_released_before_the_copy()
    {
        foreach (bool waits in (bool[])[true, false])
        {
            var host = new DriverHost();
            byte[] source = DriverHost.HostMemory(Bytes, Before);
            host.Lock(source);
            nint memory = host.Allocate(Bytes), stream = host.CreateStream();
            host.Upload(memory, source, stream);
            if (waits) DriverHost.Check(host.Synchronize(stream));
            host.Unlock(source);
            if (waits) host.AssertFaultless();
            else host.AssertFound(FindingKind.ReleasedWhilePending, "cuMemcpyAsync");
        }
    }

    [TestMethod]
    public void Thread_without_a_context()
    {
        var host = new DriverHost();
        CudaResult result = CudaResult.Success;
        var thread = new Thread(() =>
        {
            result = host.TryAllocate(Bytes, out _);
            DriverHost.Check(host.Driver.cuCtxSetCurrent(host.Context));
            host.Allocate(Bytes);
        });
        thread.Start();
        thread.Join();
        Assert.AreEqual(CudaResult.InvalidContext, result);
        host.AssertFound(FindingKind.WrongContext, "cuMemAlloc_v2");
    }

    [TestMethod]
    public void Stream_of_another_context()
    {
        var host = new DriverHost(devices: [DeviceModel.T4, DeviceModel.H100]);
        nint stream = host.CreateStream();
        host.CreateContext(device: 1);
        nint memory = host.Allocate(Bytes);
        host.Fill(memory, Before, Bytes, host.CreateStream());
        host.AssertFaultless();
        host.Fill(memory, Before, Bytes, stream);
        host.AssertFound(FindingKind.WrongContext, "cuMemsetD8Async");
    }

    [TestMethod]
    public void Memory_used_after_it_is_freed()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes);
        DriverHost.Check(host.Driver.cuMemFree_v2(memory));
        Assert.AreEqual(CudaResult.InvalidValue, host.Driver.cuMemsetD8Async(memory, Before, Bytes, 0));
        host.AssertFound(FindingKind.UseAfterFree, "cuMemsetD8Async");
    }

    /// <summary>A kernel that uses freed memory is told from one that leaves its memory: the mistake is elsewhere.</summary>
    [TestMethod]
    public void Kernel_that_uses_freed_memory()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes), kernel = host.LoadKernel(StoreOwn);
        DriverHost.Check(host.Launch(kernel, memory, 0));
        DriverHost.Check(host.Driver.cuMemFree_v2(memory));
        host.AssertFaultless();
        host.Allocate(Bytes);
        DriverHost.Check(host.Launch(kernel, memory, 0));
        Assert.AreEqual(CudaResult.IllegalAddress, host.Synchronize(0));
        host.AssertFound(FindingKind.UseAfterFree, "cuLaunchKernel");
    }

    [TestMethod]
    public void Handle_used_after_it_is_destroyed()
    {
        var host = new DriverHost();
        nint stream = host.CreateStream();
        DriverHost.Check(host.Driver.cuStreamDestroy_v2(stream));
        Assert.AreEqual(CudaResult.InvalidHandle, host.Synchronize(stream));
        host.AssertFound(FindingKind.UseAfterFree, "cuStreamSynchronize");
    }

    [TestMethod]
    public void Memory_freed_twice()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes);
        DriverHost.Check(host.Driver.cuMemFree_v2(memory));
        host.AssertFaultless();
        Assert.AreEqual(CudaResult.InvalidValue, host.Driver.cuMemFree_v2(memory));
        host.AssertFound(FindingKind.DoubleFree, "cuMemFree_v2");
    }

    [TestMethod]
    public void Copy_that_leaves_its_allocation()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes - 1);
        byte[] source = DriverHost.HostMemory(Bytes, Before);
        Assert.AreEqual(CudaResult.InvalidValue, host.Driver.cuMemcpyAsync(memory, DriverHost.AddressOf(source), Bytes, 0));
        host.AssertFound(FindingKind.OutOfBounds, "cuMemcpyAsync");
    }

    /// <summary>As on a GPU the context is lost: the wait says so, and so does every later call.</summary>
    [TestMethod]
    public void Kernel_that_leaves_its_allocation()
    {
        foreach (int threads in (int[])[PtxSnippet.Words, PtxSnippet.Words + 1])
        {
            var host = new DriverHost();
            nint memory = host.Allocate(Bytes), stream = host.CreateStream(), kernel = host.LoadKernel(StoreOwn);
            DriverHost.Check(host.Launch(kernel, memory, stream, threads));
            CudaResult waited = host.Synchronize(stream);
            if (threads == PtxSnippet.Words)
            {
                Assert.AreEqual(CudaResult.Success, waited);
                host.AssertFaultless();
                continue;
            }
            Assert.AreEqual(CudaResult.IllegalAddress, waited);
            Assert.AreEqual(CudaResult.IllegalAddress, host.TryAllocate(Bytes, out _));
            host.AssertFound(FindingKind.OutOfBounds, "cuLaunchKernel");
        }
    }

    [TestMethod]
    public void Copy_of_memory_that_was_never_written()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes);
        byte[] target = DriverHost.HostMemory(Bytes, 0);
        host.Fill(memory, Before, Bytes - 1, 0);
        host.Download(target, memory, 0);
        host.AssertFound(FindingKind.UninitializedRead, "cuMemcpyAsync");
        host.Driver.ClearFindings();
        host.Fill(memory + Bytes - 1, Before, 1, 0);
        host.Download(target, memory, 0);
        host.AssertFaultless();
    }

    [TestMethod]
    public void Kernel_that_reads_memory_that_was_never_written()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes), kernel = host.LoadKernel("ld.global.u32 %r1, [%rd1];\nret;");
        DriverHost.Check(host.Launch(kernel, memory, 0, threads: 2));
        DriverHost.Check(host.Synchronize(0));
        host.AssertFound(FindingKind.UninitializedRead, "cuLaunchKernel");
        host.Driver.ClearFindings();
        host.Fill(memory, Before, Bytes, 0);
        DriverHost.Check(host.Launch(kernel, memory, 0, threads: 2));
        DriverHost.Check(host.Synchronize(0));
        host.AssertFaultless();
    }

    [TestMethod]
    [DataRow(1025, 1)]
    [DataRow(1, 65_536)]
    public void Launch_that_is_too_large(int threads, int gridY)
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes), kernel = host.LoadKernel("ret;");
        DriverHost.Check(host.Launch(kernel, memory, 0, threads - 1 == 0 ? 1 : threads - 1, gridY: gridY == 1 ? 1 : gridY - 1));
        host.AssertFaultless();
        Assert.AreEqual(CudaResult.InvalidValue, host.Launch(kernel, memory, 0, threads, gridY: gridY));
        host.AssertFound(FindingKind.LaunchLimit, "cuLaunchKernel");
    }

    [TestMethod]
    [DataRow(8)]
    [DataRow(24)]
    public void Argument_buffer_of_another_size(int bytes)
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes), kernel = host.LoadKernel("ret;");
        Assert.AreEqual(CudaResult.InvalidValue, host.Launch(kernel, memory, 0, argumentBytes: bytes));
        host.AssertFound(FindingKind.ArgumentSize, "cuLaunchKernel");
    }

    [TestMethod]
    public void Kernel_whose_threads_race()
    {
        var host = new DriverHost();
        nint memory = host.Allocate(Bytes), kernel = host.LoadKernel("st.global.u32 [%rd0], %r0;\nret;");
        DriverHost.Check(host.Launch(kernel, memory, 0, threads: 1));
        DriverHost.Check(host.Synchronize(0));
        host.AssertFaultless();
        DriverHost.Check(host.Launch(kernel, memory, 0, threads: 2));
        Assert.AreEqual(CudaResult.LaunchFailed, host.Synchronize(0));
        host.AssertFound(FindingKind.KernelFault, "cuLaunchKernel");
    }

    /// <summary>The simulator says so where it lacks something, and the call fails.</summary>
    [TestMethod]
    public unsafe void What_the_simulator_does_not_know()
    {
        const int WarpSize = 10, NoAttribute = 9_999;
        var host = new DriverHost();
        int value;
        DriverHost.Check(host.Driver.cuDeviceGetAttribute(&value, WarpSize, 0));
        host.LoadKernel("ret;");
        host.AssertFaultless();
        Assert.AreEqual(CudaResult.InvalidValue, host.Driver.cuDeviceGetAttribute(&value, NoAttribute, 0));
        host.AssertFound(FindingKind.Unsupported, "cuDeviceGetAttribute");
        host.Driver.ClearFindings();
        Assert.AreEqual(CudaResult.InvalidPtx, host.TryLoadKernel("frobnicate.u32 %r1, %r1;\nret;"));
        host.AssertFound(FindingKind.Unsupported, "cuModuleLoadData");
    }

    /// <summary>ILGPU reads the whole buffer, whatever the driver wrote: zeros in it would fill logs.</summary>
    [TestMethod]
    public unsafe void Refused_module_leaves_text_and_blanks_in_the_error_log()
    {
        var host = new DriverHost();
        (CudaResult result, string log) = host.LoadLogged(PtxSnippet.Kernel("frobnicate.u32 %r1, %r1;\nret;"));
        Assert.AreEqual(CudaResult.InvalidPtx, result);
        StringAssert.Contains(log, "frobnicate");
        Assert.AreEqual(log.Length - 1, log.IndexOf('\0', StringComparison.Ordinal));

        host.Driver.Inject(new FaultRule("cuModuleLoadDataEx", 1, CudaResult.OutOfMemory));
        (result, log) = host.LoadLogged(PtxSnippet.Kernel("ret;"));
        Assert.AreEqual(CudaResult.OutOfMemory, result);
        Assert.AreEqual("\0", log.TrimStart());
    }

    [TestMethod]
    public void Memory_and_page_locks_that_are_never_given_back()
    {
        var host = new DriverHost();
        byte[] locked = DriverHost.HostMemory(Bytes, Before);
        host.Lock(locked);
        nint memory = host.Allocate(Bytes);
        host.Driver.ReportLeaks();
        Assert.HasCount(2, host.Driver.Findings);
        Assert.IsTrue(host.Driver.Findings.All(finding => finding.Kind is FindingKind.Leak));
        StringAssert.Contains(host.Driver.Findings[0].Stack, nameof(DriverHost.Allocate));
        StringAssert.Contains(host.Driver.Findings[1].Stack, nameof(DriverHost.Lock));

        host.Driver.ClearFindings();
        host.Unlock(locked);
        DriverHost.Check(host.Driver.cuMemFree_v2(memory));
        DriverHost.Check(host.Driver.cuCtxDestroy_v2(host.Context));
        host.Driver.ReportLeaks();
        host.AssertFaultless();
    }

    [TestMethod]
    public void Context_destroyed_before_its_memory_is_freed()
    {
        var host = new DriverHost();
        host.Allocate(Bytes);
        DriverHost.Check(host.Driver.cuCtxDestroy_v2(host.Context));
        host.AssertFound(FindingKind.Leak, "cuCtxDestroy_v2");
        Assert.AreEqual(new LiveObjects(0, 0, 0, 0, 0, 0), host.Driver.Live);
    }
}
