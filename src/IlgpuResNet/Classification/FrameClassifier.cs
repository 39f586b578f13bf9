using System.Diagnostics;
using IlgpuResNet.Classification;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Files;

namespace IlgpuResNet;

/// <summary>
/// Classifies the frames of a camera or a screen as they arrive, on a thread of its own. When frames arrive faster than the device
/// computes, only the newest is kept: a result is at most two runs and one call of the handler old. Allocates nothing per
/// frame once its three buffers have grown to the frame's size. Thread-safe.
/// </summary>
public sealed class FrameClassifier : IDisposable
{
    private readonly ImageClassifier classifier;
    private readonly FrameHandler handler;
    private readonly FrameMailbox mailbox = new();
    private readonly Prediction[] predictions;
    private readonly Thread thread;
    private long classified;

    /// <summary>Starts the thread that classifies.</summary>
    /// <param name="classifier">Classifier to use. The caller disposes it after this; other threads may use it meanwhile.</param>
    /// <param name="handler">Called with each result, on this object's thread.</param>
    /// <param name="topK">Number of classes per result; all classes when the network has fewer.</param>
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

    /// <summary>Number of frames posted so far.</summary>
    public long Posted => mailbox.Posted;

    /// <summary>Number of frames that a newer frame replaced before they were classified.</summary>
    public long Dropped => mailbox.Dropped;

    /// <summary>Number of results passed to the handler, errors included.</summary>
    public long Classified => Interlocked.Read(ref classified);

    /// <summary>Copies a frame and returns at once. The frame is classified next, unless a newer one arrives first.</summary>
    /// <param name="frame">The pixels. They are read during the call only.</param>
    /// <returns>Number of the frame, from 0.</returns>
    public long Post(PixelSpan frame) => mailbox.Post(frame);

    /// <summary>
    /// Stops after the frame in progress; a waiting frame is dropped and later frames are ignored. Must not be called from the handler. May
    /// be called more than once.
    /// </summary>
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
                // The classifier was disposed first, against the contract: no further frame can be classified.
                return;
            }
            catch (Exception e)
            {
                // Anything that left this thread would end the process.
                error = new ResNetException($"The frame cannot be classified: {e.Message}", e);
            }
            Interlocked.Increment(ref classified);
            HandOver(new FrameResult(frame.Number, Stopwatch.GetElapsedTime(frame.Posted), predictions.AsSpan(0, count), error));
        }
    }

    private void HandOver(in FrameResult result)
    {
        try
        {
            handler(result);
        }
        catch (Exception e)
        {
            classifier.Logger.HandlerThrew(result.Number, FileText.OneLine(e.Message));
        }
    }
}
