using IlgpuResNet.Execution;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Models;

namespace IlgpuResNet.Cli;

/// <summary>Classifies image files in batches of the session's size, in order; an unreadable file becomes a result with an error.</summary>
internal sealed class FileClassifier
{
    private readonly ResNet model;
    private readonly InferenceSession session;
    private readonly bool applyOrientation;
    private readonly float[] probabilities;
    private readonly int[] indices;

    public FileClassifier(ResNet model, InferenceSession session, int topK, bool applyOrientation)
    {
        this.model = model;
        this.session = session;
        this.applyOrientation = applyOrientation;
        probabilities = new float[session.MaxBatch * session.NumClasses];
        indices = new int[Math.Min(topK, session.NumClasses)];
    }

    public void Classify(IEnumerable<string> files, Action<ImageResult> report, CancellationToken cancellation)
    {
        foreach (string[] chunk in files.Chunk(session.MaxBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            ImageResult[] results = ClassifyChunk(chunk);
            foreach (ImageResult result in results) report(result);
        }
    }

    private ImageResult[] ClassifyChunk(string[] files)
    {
        var results = new ImageResult[files.Length];
        var images = new List<PixelBuffer>(files.Length);
        var places = new List<int>(files.Length);
        for (int i = 0; i < files.Length; i++)
        {
            try
            {
                images.Add(ImageFile.Load(files[i], applyOrientation));
                places.Add(i);
            }
            catch (ImageException e)
            {
                results[i] = new ImageResult(files[i], [], e.Message);
            }
        }
        if (images.Count == 0) return results;
        try
        {
            session.Run(images.ToArray(), [], probabilities.AsSpan(0, images.Count * session.NumClasses));
            for (int row = 0; row < places.Count; row++) results[places[row]] = new ImageResult(files[places[row]], Best(row), null);
        }
        catch (ImageException e) when (files.Length == 1)
        {
            results[0] = new ImageResult(files[0], [], $"{files[0]}: {e.Message}");
        }
        catch (ImageException)
        {
            // One image of the batch cannot be prepared: each alone shows which.
            foreach (int place in places) results[place] = ClassifyChunk([files[place]])[0];
        }
        return results;
    }

    private Prediction[] Best(int row)
    {
        ReadOnlySpan<float> scores = probabilities.AsSpan(row * session.NumClasses, session.NumClasses);
        int count = TopK.Select(scores, indices);
        var best = new Prediction[count];
        for (int i = 0; i < count; i++) best[i] = new Prediction(indices[i], model.ClassNames[indices[i]], scores[indices[i]]);
        return best;
    }
}
