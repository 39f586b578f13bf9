using System.Collections.Concurrent;
using System.Diagnostics;

namespace IlgpuResNet.Tests;

/// <summary>Sessions that come and go on several threads, and runs while the garbage collector moves what they write into.</summary>
public abstract class SessionChurnTests(BackEnd backEnd)
{
    private const int Seed = 7_002;
    private const int Threads = 4;
    private const int Side = 32;

    /// <summary>Long results, so that a copy takes time, yet below the 85,000 bytes from which arrays are not moved.</summary>
    private const int Classes = 20_000;

    private const int Pauses = 50;
    private const int SpinsOfPause = 500;

    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(2);

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 4, NumClasses = Classes };

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Threads_that_make_run_and_dispose_sessions_of_one_model_get_the_bits_of_serial_runs()
    {
        ComputeDevice device = TestDevice.OpenCompute(backEnd, TestContext);
        using ResNet model = ResNet.Create(Thin, Seed);
        float[][] images = [.. Enumerable.Range(0, Threads).Select(Image)];
        float[][] expected;
        using (InferenceSession session = Open(model, device)) expected = [.. images.Select(image => Run(session, image))];

        var failures = new ConcurrentQueue<Exception>();
        int made = 0;
        var clock = Stopwatch.StartNew();
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(thread => new Thread(() =>
        {
            try
            {
                for (int i = thread; i == thread || clock.Elapsed < Duration && failures.IsEmpty; i++)
                {
                    using InferenceSession session = Open(model, device);
                    Interlocked.Increment(ref made);
                    int image = i % Threads;
                    TestData.AssertSameBits(expected[image], Run(session, images[image]), $"seed {Seed}, thread {thread}, image {image}");
                }
            }
            catch (Exception e)
            {
                // An exception that leaves a thread ends the process.
                failures.Enqueue(e);
            }
        }))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        if (failures.TryDequeue(out Exception? failure)) Assert.Fail($"after {made} sessions: {failure}");
    }

    /// <summary>A copy to an array that is not pinned writes to where the array was before a collection moved it.</summary>
    [TestMethod]
    public void Runs_into_fresh_arrays_give_the_same_bits_while_collections_move_them()
    {
        ComputeDevice device = TestDevice.OpenCompute(backEnd, TestContext);
        using ResNet model = ResNet.Create(Thin, Seed);
        using InferenceSession session = Open(model, device);
        float[] image = Image(0);
        float[] expected = Run(session, image);

        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            // A collection moves an array once, into the next generation, so pauses of every length let some first fall within the copy.
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                GC.Collect(0, GCCollectionMode.Forced, blocking: true, compacting: true);
                Thread.SpinWait(i % Pauses * SpinsOfPause);
            }
        });
        collector.Start();
        try
        {
            var clock = Stopwatch.StartNew();
            for (int run = 0; clock.Elapsed < Duration; run++)
            {
                // Garbage before the arrays is what a collection closes up, moving them.
                _ = new byte[1024];
                float[] fresh = [.. image];
                TestData.AssertSameBits(expected, Run(session, fresh), $"seed {Seed}, run {run}");
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }

    private static float[] Image(int index) => TestData.Uniform(new Random(Seed + index), 3 * Side * Side);

    private static float[] Run(InferenceSession session, float[] image)
    {
        float[] logits = new float[session.NumClasses];
        session.Run(image, logits);
        return logits;
    }

    private static InferenceSession Open(ResNet model, ComputeDevice device) =>
        new(model, device, new SessionOptions { MaxBatch = 1, Height = Side, Width = Side });
}

[TestClass]
public sealed class SessionChurnCpuTests() : SessionChurnTests(BackEnd.Cpu);

[TestClass, TestCategory("OpenCL")]
public sealed class SessionChurnOpenCLTests() : SessionChurnTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class SessionChurnCudaTests() : SessionChurnTests(BackEnd.Cuda);
