using System.Diagnostics;
using IlgpuResNet.Classification;

namespace IlgpuResNet;

/// <summary>
/// Classifies the frames of a camera or a screen as they come, on a thread of its own. Where frames come faster than the device
/// computes, all but the newest are dropped, so that an answer is never older than two runs. Allocates nothing for a frame
/// once its three buffers have grown to that size. Thread-safe.
/// </summary>
public sealed class FrameClassifier : IDisposable
{
    private readonly ImageClassifier classifier;
    private readonly FrameHandler handler;
    private readonly FrameMailbox mailbox = new();
    private readonly Prediction[] predictions;
    private readonly Thread thread;
    private long classified;

    /// <summary>Starts the thread.</summary>
    /// <param name="classifier">What to classify with; it must outlive this, and others may use it meanwhile.</param>
    /// <param name="handler">Takes each result.</param>
    /// <param name="topK">How many classes of each frame; all when there are not as many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    public FrameClassifier(ImageClassifier classifier, FrameHandler handler, int topK = 1)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        this.classifier = classifier;
        this.handler = handler;
        predictions = new Prediction[Math.Min(topK, classifier.Model.NumClasses)];
        thread = new Thread(Work) { IsBackground = true, Name = nameof(FrameClassifier) };
        thread.Start();
    }

    /// <summary>Frames posted so far.</summary>
    public long Posted => mailbox.Posted;

    /// <summary>Frames that a newer one replaced before their turn.</summary>
    public long Dropped => mailbox.Dropped;

    /// <summary>Frames whose result was handed over, errors included.</summary>
    public long Classified => Interlocked.Read(ref classified);

    /// <summary>Copies a frame and returns; it is classified next, unless a newer one comes before its turn.</summary>
    /// <param name="frame">The pixels, borrowed for the call.</param>
    /// <returns>Number of the frame, from 0.</returns>
    public long Post(PixelSpan frame) => mailbox.Post(frame);

    /// <summary>Ends after the frame under way; one that waits is left out, and none is taken any more. Not to be called from the handler. May be called again.</summary>
    public void Dispose()
    {
        mailbox.Close();
        thread.Join();
    }

    private void Work()
    {
        while (mailbox.Take() is { } frame)
        {
            int count = 0;
            ResNetException? error = null;
            try
            {
                count = classifier.Classify(frame.Image, predictions);
            }
            catch (ResNetException e)
            {
                error = e;
            }
            catch (ObjectDisposedException)
            {
                // The classifier did not outlive this, as it must: no frame can be classified any more.
                return;
            }
            Interlocked.Increment(ref classified);
            handler(new FrameResult(frame.Number, Stopwatch.GetElapsedTime(frame.Posted), predictions.AsSpan(0, count), error));
        }
    }
}
