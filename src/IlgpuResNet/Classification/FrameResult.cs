namespace IlgpuResNet;

/// <summary>
/// Handles the result of a frame, on the thread of the <see cref="FrameClassifier"/>. The next frame waits until the handler returns. An
/// exception of the handler is logged as a warning, and the next frame is classified.
/// </summary>
public delegate void FrameHandler(in FrameResult result);

/// <summary>Result of one frame. Valid during the handler's call only.</summary>
public readonly ref struct FrameResult
{
    internal FrameResult(long number, TimeSpan latency, ReadOnlySpan<Prediction> predictions, ResNetException? error)
    {
        Number = number;
        Latency = latency;
        Predictions = predictions;
        Error = error;
    }

    /// <summary>Number that <see cref="FrameClassifier.Post"/> returned for the frame; missing numbers are dropped frames.</summary>
    public long Number { get; }

    /// <summary>Time from the call of <see cref="FrameClassifier.Post"/>, which copies the pixels, to the result.</summary>
    public TimeSpan Latency { get; }

    /// <summary>The most probable classes, most probable first; empty after an error.</summary>
    public ReadOnlySpan<Prediction> Predictions { get; }

    /// <summary>
    /// Reason why the frame could not be classified, or null. Later frames may succeed: after a failure of the device the classifier makes
    /// a new session.
    /// </summary>
    public ResNetException? Error { get; }
}
