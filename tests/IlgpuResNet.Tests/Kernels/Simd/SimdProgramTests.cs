using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>Many steps in one launch: the barrier between them, and what happens when one fails.</summary>
[TestClass]
public sealed class SimdProgramTests
{
    private const int Seed = 32;
    private const int Rounds = 200;

    /// <summary>
    /// The windows of each step reach into pixels that other groups wrote in the step before, so a barrier that lets one through shows.
    /// </summary>
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(5)]
    public void A_sequence_gives_the_bits_of_single_launches(int groups)
    {
        const int channels = 96;
        using Context context = Context.Create(builder => KernelContext.Configure(builder).CPU(new CPUDevice(2, 1, groups)));
        using Accelerator accelerator = context.Devices[0].CreateAccelerator(context);
        var kernels = new SimdKernels(accelerator);
        var shape = Conv2dShape.Create(1, 5, 5, channels, channels, 3, 3, 1, 1);
        var random = new Random(Seed);
        float[] packed = new float[kernels.Planner.PackedFilterLength(shape)];
        kernels.PackFilter(shape, TestData.Uniform(random, channels * shape.GemmK), packed);
        using var filter = accelerator.Allocate1D(packed);
        using var ones = accelerator.Allocate1D(Enumerable.Repeat(0.05f, channels).ToArray());
        float[] start = TestData.Uniform(random, 25 * channels);
        using var a = accelerator.Allocate1D(start);
        using var b = accelerator.Allocate1D<float>(start.Length);

        for (int round = 0; round < 20; round++) Step(round);
        float[] expected = a.GetAsArray1D();
        for (int test = 0; test < Rounds / 20; test++)
        {
            a.CopyFromCPU(start);
            kernels.BeginSequence();
            for (int round = 0; round < 20; round++) Step(round);
            kernels.EndSequence(accelerator.DefaultStream);
            TestData.AssertSameBits(expected, a.GetAsArray1D(), $"seed {Seed}, {groups} groups, test {test}");
        }

        void Step(int round)
        {
            (ArrayView<float> from, ArrayView<float> to) = round % 2 == 0 ? (a.View.AsContiguous(), b.View.AsContiguous())
                : (b.View.AsContiguous(), a.View.AsContiguous());
            kernels.Conv2d(accelerator.DefaultStream, shape, new Operands(from, filter.View, ones.View, ones.View, default, to), default);
        }
    }

    [TestMethod]
    public void A_sequence_for_fewer_threads_has_that_many_groups_and_the_next_call_has_all()
    {
        const int all = 4, classes = 10;
        using Context context = Context.Create(builder => KernelContext.Configure(builder).CPU(new CPUDevice(2, 1, all)));
        using Accelerator accelerator = context.Devices[0].CreateAccelerator(context);
        var kernels = new SimdKernels(accelerator);
        float[] scores = TestData.Uniform(new Random(Seed), all * classes);
        using var input = accelerator.Allocate1D(scores);
        using var output = accelerator.Allocate1D<float>(scores.Length);
        int working = 0;
        kernels.Working = change => Interlocked.Add(ref working, Math.Max(change, 0));
        kernels.Softmax(accelerator.DefaultStream, all, classes, input.View, output.View);
        Assert.AreEqual(all, working);
        float[] expected = output.GetAsArray1D();
        for (int threads = 1; threads <= all; threads++)
        {
            output.MemSetToZero();
            working = 0;
            kernels.BeginSequence(threads);
            kernels.Softmax(accelerator.DefaultStream, all, classes, input.View, output.View);
            kernels.EndSequence(accelerator.DefaultStream);
            Assert.AreEqual(threads, working);
            TestData.AssertSameBits(expected, output.GetAsArray1D(), $"seed {Seed}, {threads} threads");
        }
        working = 0;
        kernels.Softmax(accelerator.DefaultStream, all, classes, input.View, output.View);
        Assert.AreEqual(all, working);
        foreach (int threads in (int[])[-1, 0, all + 1])
            Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => kernels.BeginSequence(threads));
    }

    [TestMethod]
    public void Timestamps_are_the_starts_of_all_steps_and_the_end()
    {
        const int groups = 2, steps = 3;
        long[] timestamps = new long[steps + 2];
        var program = new SimdProgram(groups) { Timestamps = timestamps };
        for (int round = 0; round < 2; round++)
        {
            Array.Clear(timestamps);
            for (int step = 0; step < steps; step++) program.Add(SimdSoftmax.Step(0, 0, default, default));
            long before = Stopwatch.GetTimestamp();
            Thread[] threads = [.. Enumerable.Range(0, groups).Select(group => new Thread(() => program.Run(group, groups)))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            program.Finish();
            long[] expected = [before, .. timestamps[..(steps + 1)], Stopwatch.GetTimestamp()];
            CollectionAssert.AreEqual(expected.Order().ToArray(), expected, $"round {round}");
            Assert.AreEqual(0, timestamps[^1], "one more than was asked for");
        }
    }

    [TestMethod]
    public void A_failing_step_ends_all_groups_and_leaves_the_program_usable()
    {
        var program = new SimdProgram(mostGroups: 3);
        for (int round = 0; round < 3; round++)
        {
            program.Add(SimdSoftmax.Step(0, 0, default, default));
            unsafe { program.Add(new SimdStep { Kernel = &Fail }); }
            program.Add(SimdSoftmax.Step(0, 0, default, default));
            Thread[] groups = [.. Enumerable.Range(0, 3).Select(group => new Thread(() => program.Run(group, 3)))];
            foreach (Thread group in groups) group.Start();
            foreach (Thread group in groups) Assert.IsTrue(group.Join(TimeSpan.FromSeconds(30)), "a group waits for ever");
            Assert.ThrowsExactly<InvalidOperationException>(program.Finish);
        }
        var single = new SimdProgram(mostGroups: 1);
        single.Add(SimdSoftmax.Step(0, 0, default, default));
        single.Run(0, 1);
        single.Finish();
    }

    private static unsafe void Fail(in SimdStep step, in SimdQueues queues, void* scratch) =>
        throw new NotSupportedException("a step that fails");
}
