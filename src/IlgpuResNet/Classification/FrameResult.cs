namespace IlgpuResNet;

/// <summary>Takes the result of a frame, on the thread of the <see cref="FrameClassifier"/>; the next frame waits until it returns. It must not throw.</summary>
public delegate void FrameHandler(in FrameResult result);

/// <summary>What came of one frame; valid for the length of a call.</summary>
public readonly ref struct FrameResult
{
    internal FrameResult(long number, TimeSpan latency, ReadOnlySpan<Prediction> predictions, ResNetException? error)
    {
        Number = number;
        Latency = latency;
        Predictions = predictions;
        Error = error;
    }

    /// <summary>What <see cref="FrameClassifier.Post"/> gave for it; numbers that are left out are of dropped frames.</summary>
    public long Number { get; }

    /// <summary>Time since it was posted, the copy of its pixels included.</summary>
    public TimeSpan Latency { get; }

    /// <summary>The most probable classes, most probable first; empty when there is an error.</summary>
    public ReadOnlySpan<Prediction> Predictions { get; }

    /// <summary>Why the frame could not be classified, or null. The next frame may go well: the classifier makes a new session after a failure of its device.</summary>
    public ResNetException? Error { get; }
}
