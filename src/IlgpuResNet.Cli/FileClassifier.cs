using IlgpuResNet.Execution;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Models;

namespace IlgpuResNet.Cli;

/// <summary>Classifies image files in batches of the session's size, in order; an unreadable file becomes a result with an error.</summary>
internal sealed class FileClassifier
{
    /// <summary>A batch runs early once its decoded pictures hold this much: a large batch of large pictures must not fill the memory.</summary>
    public const long DecodedBudget = 256L << 20;

    private readonly Model model;
    private readonly InferenceSession session;
    private readonly bool applyOrientation;
    private readonly long decodedBudget;
    private readonly float[] probabilities;
    private readonly int topK;

    public FileClassifier(Model model, InferenceSession session, int topK, bool applyOrientation, long decodedBudget = DecodedBudget)
    {
        this.model = model;
        this.session = session;
        this.applyOrientation = applyOrientation;
        this.decodedBudget = decodedBudget;
        probabilities = new float[session.MaxBatch * session.NumClasses];
        this.topK = topK;
    }

    /// <summary>Classifies files in order and reports each.</summary>
    /// <exception cref="OperationCanceledException">Cancelled; files not yet reported are not classified.</exception>
    public void Classify(IEnumerable<string> files, Action<ImageResult> report, CancellationToken cancellation)
    {
        var chunk = new List<Picture>(session.MaxBatch);
        long bytes = 0;
        foreach (string file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            Picture picture = Load(file);
            chunk.Add(picture);
            bytes += picture.Pixels?.Pixels.Length ?? 0;
            if (chunk.Count < session.MaxBatch && bytes < decodedBudget) continue;
            Finish();
        }
        cancellation.ThrowIfCancellationRequested();
        Finish();

        void Finish()
        {
            foreach (ImageResult result in ClassifyChunk(chunk)) report(result);
            chunk.Clear();
            bytes = 0;
        }
    }

    private Picture Load(string file)
    {
        try
        {
            return new Picture(file, ImageFile.Load(file, applyOrientation), null);
        }
        catch (ImageException e)
        {
            return new Picture(file, null, e.Message);
        }
    }

    private ImageResult[] ClassifyChunk(IReadOnlyList<Picture> chunk)
    {
        ImageResult[] results = [.. chunk.Select(picture => new ImageResult(picture.File, [], picture.Error))];
        int[] places = [.. Enumerable.Range(0, chunk.Count).Where(i => chunk[i].Pixels is not null)];
        if (places.Length == 0) return results;
        try
        {
            session.Run([.. places.Select(place => chunk[place].Pixels!.Value)], [], probabilities.AsSpan(0, places.Length * session.NumClasses));
            for (int row = 0; row < places.Length; row++) results[places[row]] = new ImageResult(chunk[places[row]].File, Best(row), null);
        }
        catch (ImageException e) when (chunk.Count == 1)
        {
            results[0] = new ImageResult(chunk[0].File, [], $"{chunk[0].File}: {e.Message}");
        }
        catch (ImageException)
        {
            // One image of the batch cannot be prepared: each alone shows which.
            foreach (int place in places) results[place] = ClassifyChunk([chunk[place]])[0];
        }
        return results;
    }

    private Prediction[] Best(int row) =>
        TopK.Predictions(probabilities.AsSpan(row * session.NumClasses, session.NumClasses), model.ClassNames, topK);

    /// <summary>A file, decoded or with the reason why not.</summary>
    private readonly record struct Picture(string File, PixelBuffer? Pixels, string? Error);
}
