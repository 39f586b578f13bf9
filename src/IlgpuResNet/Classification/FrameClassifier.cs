using IlgpuResNet.Classification;

namespace IlgpuResNet;

/// <summary>
/// Classifies the frames of a camera or a screen as they arrive, on a thread of its own. When frames arrive faster than the device
/// computes, only the newest is kept: a result is at most two runs and one call of the handler old. Allocates nothing per
/// frame once its three buffers have grown to the frame's size. Thread-safe.
/// </summary>
public sealed class FrameClassifier : IDisposable
{
    private readonly FrameWorker worker;

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
        worker = new FrameWorker(classifier, handler, topK);
    }

    /// <summary>Ends the thread of an object that nobody disposed; the thread refers to the worker alone.</summary>
    ~FrameClassifier() => worker?.Frames.Close();

    /// <summary>Number of frames posted so far.</summary>
    public long Posted => worker.Frames.Posted;

    /// <summary>Number of frames that a newer frame replaced before they were classified.</summary>
    public long Dropped => worker.Frames.Dropped;

    /// <summary>Number of results passed to the handler, errors included.</summary>
    public long Classified => worker.Classified;

    /// <summary>Copies a frame and returns at once. The frame is classified next, unless a newer one arrives first.</summary>
    /// <param name="frame">The pixels. They are read during the call only.</param>
    /// <returns>Number of the frame, from 0.</returns>
    public long Post(PixelSpan frame) => worker.Frames.Post(frame);

    /// <summary>
    /// Stops after the frame in progress; a waiting frame is dropped and later frames are ignored. Must not be called from the handler. May
    /// be called more than once.
    /// </summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        worker.Stop();
    }
}
