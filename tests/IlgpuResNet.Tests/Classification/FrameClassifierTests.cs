using IlgpuResNet.Classification;
using IlgpuResNet.Kernels.Simd;

namespace IlgpuResNet.Tests;

/// <summary>Frames: the newest wins, answers are those of single images, nothing is allocated.</summary>
[TestClass]
public sealed class FrameClassifierTests
{
    private const int Frames = 2000;

    /// <summary>Half of .NET's smallest object.</summary>
    private const double LessThanAnObject = 12;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [TestMethod]
    public void The_newest_frame_replaces_the_one_that_waits()
    {
        var mailbox = new FrameMailbox();
        for (int i = 0; i < 5; i++) Assert.AreEqual(i, mailbox.Post(SmallClassifier.Image(i)));
        FrameMailbox.Frame frame = mailbox.Take()!;
        Assert.AreEqual(4, frame.Number);
        Assert.AreEqual(4, mailbox.Dropped);
        // What is read stays, however many come meanwhile, smaller and larger ones.
        for (int i = 5; i < 10; i++) mailbox.Post(SmallClassifier.Image(i, 10 * i));
        Assert.IsTrue(frame.Image.Pixels[..(3 * 40 * 36)].SequenceEqual(SmallClassifier.Image(4).Pixels.Span));
        Assert.AreEqual(9, mailbox.Take()!.Number);
        Assert.AreEqual(8, mailbox.Dropped);
        Assert.AreEqual(10, mailbox.Posted);
        mailbox.Post(SmallClassifier.Image(1));
        mailbox.Close();
        Assert.IsNull(mailbox.Take());
    }

    [TestMethod]
    public void Frames_have_the_answers_of_images_and_a_bad_one_does_not_end_the_loop()
    {
        using ResNet model = SmallClassifier.Model();
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu);
        var answers = new List<(long Number, Prediction[] Predictions, string? Error)>();
        using var taken = new SemaphoreSlim(0);
        using (var frames = new FrameClassifier(classifier, Take, topK: 3))
        {
            foreach (PixelBuffer frame in new[] { SmallClassifier.Image(1), SmallClassifier.TooNarrow(), SmallClassifier.Image(2, 80, 20) })
            {
                frames.Post(frame);
                Assert.IsTrue(taken.Wait(Patience));
            }
            Assert.AreEqual(3, frames.Classified);
            Assert.AreEqual(0, frames.Dropped);
            frames.Dispose();
        }
        CollectionAssert.AreEqual(new long[] { 0, 1, 2 }, answers.ConvertAll(answer => answer.Number));
        CollectionAssert.AreEqual(classifier.Classify(SmallClassifier.Image(1), 3), answers[0].Predictions);
        StringAssert.Contains(answers[1].Error, "too narrow");
        Assert.IsEmpty(answers[1].Predictions);
        CollectionAssert.AreEqual(classifier.Classify(SmallClassifier.Image(2, 80, 20), 3), answers[2].Predictions);

        void Take(in FrameResult result)
        {
            Assert.IsGreaterThan(TimeSpan.Zero, result.Latency);
            answers.Add((result.Number, result.Predictions.ToArray(), result.Error?.Message));
            taken.Release();
        }
    }

    /// <summary>
    /// Each launch wakes all threads, waits for them and allocates: the preparation of a frame, or of images of one size, and the network
    /// share one.
    /// </summary>
    [TestMethod]
    public void A_frame_and_a_batch_of_one_size_are_one_launch_on_the_processor()
    {
        using ResNet model = SmallClassifier.Model();
        using var session = new InferenceSession(model, ComputeDevice.Cpu, new SessionOptions { Threads = 1, MaxBatch = 3 });
        var kernels = (SimdKernels)session.Kernels;
        int launches = 0;
        kernels.Working = change => Interlocked.Add(ref launches, change > 0 ? 1 : 0);
        try
        {
            session.Run(SmallClassifier.Image(1).Span, [], new float[SmallClassifier.Classes]);
            Assert.AreEqual(1, launches);
            session.Run(
                [SmallClassifier.Image(1), SmallClassifier.Image(2), SmallClassifier.Image(3)], new float[3 * SmallClassifier.Classes]);
            Assert.AreEqual(2, launches);
            session.Run([SmallClassifier.Image(1), SmallClassifier.Image(2), SmallClassifier.Image(3, width: 50)],
                new float[3 * SmallClassifier.Classes]);
            Assert.AreEqual(4, launches, "another size has other weights");
        }
        finally
        {
            kernels.Working = null;
        }
    }

    /// <summary>Of each thread alone: what ILGPU's own threads allocate depends on how long they wait for each other.</summary>
    [TestMethod]
    public void The_loop_allocates_nothing_that_a_run_does_not()
    {
        using ResNet model = SmallClassifier.Model();
        using var session = new InferenceSession(model, ComputeDevice.Cpu);
        using var classifier = new ImageClassifier(model, ComputeDevice.Cpu);
        PixelBuffer image = SmallClassifier.Image(1);
        float[] scores = new float[SmallClassifier.Classes];
        double run = AllocatedPerFrame(() => session.Run(image.Span, [], scores));

        long first = 0, last = 0;
        using var frames = new FrameClassifier(classifier, (in FrameResult result) =>
        {
            if (result.Number == 0) first = GC.GetAllocatedBytesForCurrentThread();
            else last = GC.GetAllocatedBytesForCurrentThread();
        });
        double post = AllocatedPerFrame(() =>
        {
            long number = frames.Post(image.Span);
            while (frames.Classified <= number) Thread.Yield();
        });
        frames.Dispose();
        Assert.AreEqual(0, frames.Dropped);
        Assert.AreEqual(0, post, LessThanAnObject, "posting");
        Assert.IsLessThanOrEqualTo(run + LessThanAnObject, (double)(last - first) / Frames, "classifying");

        static double AllocatedPerFrame(Action action)
        {
            action();
            long allocated = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Frames; i++) action();
            return (double)(GC.GetAllocatedBytesForCurrentThread() - allocated) / Frames;
        }
    }
}
