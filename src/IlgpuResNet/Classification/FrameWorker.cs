using System.Diagnostics;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Files;

namespace IlgpuResNet.Classification;

/// <summary>
/// The thread of a <see cref="FrameClassifier"/> with all that it uses. It does not refer to the frame classifier, which can be collected
/// while the thread waits for a frame.
/// </summary>
internal sealed class FrameWorker
{
    private readonly ImageClassifier classifier;
    private readonly FrameHandler handler;
    private readonly Prediction[] predictions;
    private readonly Thread thread;
    private long classified;

    /// <summary>Starts the thread.</summary>
    /// <param name="classifier">Classifier to use.</param>
    /// <param name="handler">Called with each result, on the thread.</param>
    /// <param name="topK">Number of classes per result, at most.</param>
    public FrameWorker(ImageClassifier classifier, FrameHandler handler, int topK)
    {
        this.classifier = classifier;
        this.handler = handler;
        predictions = new Prediction[Math.Min(topK, classifier.Model.NumClasses)];
        thread = new Thread(Work) { IsBackground = true, Name = nameof(FrameClassifier) };
        thread.Start();
    }

    /// <summary>Frames on their way to the thread; closing it ends the thread after the frame in progress.</summary>
    public FrameMailbox Frames { get; } = new();

    /// <summary>Number of results passed to the handler, errors included.</summary>
    public long Classified => Interlocked.Read(ref classified);

    /// <summary>Ends the thread and waits for it.</summary>
    public void Stop()
    {
        Frames.Close();
        thread.Join();
    }

    private void Work()
    {
        while (Frames.Take() is { } frame)
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
