using IlgpuResNet.SimulatedCuda;

namespace IlgpuResNet.Tests.SimulatedCuda;

/// <summary>When the work of streams runs.</summary>
[TestClass]
public sealed class DriverTimingTests
{
    private const int Bytes = 64, Writes = 6, Seeds = 20;

    [TestMethod]
    public void Seed_repeats_an_order_and_seeds_differ()
    {
        byte[][] outcomes = [.. Enumerable.Range(1, Seeds).Select(Outcome)];
        for (int seed = 1; seed <= Seeds; seed++) CollectionAssert.AreEqual(outcomes[seed - 1], Outcome(seed), $"seed {seed}");
        Assert.IsGreaterThan(1, outcomes.Select(Convert.ToHexString).Distinct().Count());
    }

    [TestMethod]
    public void Work_of_one_stream_keeps_its_order_at_every_seed()
    {
        for (int seed = 1; seed <= Seeds; seed++)
        {
            var host = new DriverHost(ExecutionTiming.Random, seed);
            byte[] read = DriverHost.HostMemory(Bytes, 0);
            nint memory = host.Allocate(Bytes), stream = host.CreateStream();
            for (byte value = 1; value <= Writes; value++) host.Fill(memory, value, Bytes, stream);
            host.Download(read, memory, stream);
            Assert.AreEqual(Writes, read[0], $"seed {seed}");
            host.AssertFaultless();
        }
    }

    [TestMethod]
    public unsafe void Events_say_when_a_stream_has_come_so_far()
    {
        var host = new DriverHost();
        byte[] read = DriverHost.HostMemory(Bytes, 0);
        nint memory = host.Allocate(Bytes), stream = host.CreateStream(), other = host.CreateStream(), mark;
        DriverHost.Check(host.Driver.cuEventCreate(&mark, 0));
        host.Fill(memory, 1, Bytes, stream);
        DriverHost.Check(host.Driver.cuEventRecord(mark, stream));
        Assert.AreEqual(CudaResult.NotReady, host.Driver.cuEventQuery(mark));
        DriverHost.Check(host.Driver.cuEventSynchronize(mark));
        DriverHost.Check(host.Driver.cuEventQuery(mark));
        // The host has waited for the event, so that another stream may follow.
        host.Download(read, memory, other);
        Assert.AreEqual(1, read[0]);
        host.AssertFaultless();
    }

    /// <summary>Memory after the work of two streams that nothing orders.</summary>
    private static byte[] Outcome(int seed)
    {
        var host = new DriverHost(ExecutionTiming.Random, seed);
        byte[] read = DriverHost.HostMemory(Writes, 0);
        nint memory = host.Allocate(Writes), first = host.CreateStream(), second = host.CreateStream();
        for (int i = 0; i < Writes; i++)
        {
            host.Fill(memory + i, 1, 1, first);
            host.Fill(memory + i, 2, 1, second);
        }
        DriverHost.Check(host.Driver.cuCtxSynchronize());
        host.Download(read, memory, first);
        return read;
    }
}
