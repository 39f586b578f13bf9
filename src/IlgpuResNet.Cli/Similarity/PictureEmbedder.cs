using IlgpuResNet.Imaging;


namespace IlgpuResNet.Cli.Similarity;

/// <summary>What came of one picture: its features, or an error.</summary>
internal readonly record struct Embedding(string Path, float[] Features, ImageException? Error);

/// <summary>Runs pictures through a session with one output, decoding ahead on worker threads.</summary>
internal sealed class PictureEmbedder(InferenceSession session)
{
    private readonly int length = session.Outputs[0].Length;

    /// <summary>Number of features of one picture.</summary>
    public int Length => length;

    /// <summary>A result for each file, in order.</summary>
    public IAsyncEnumerable<Embedding> EmbedAsync(IReadOnlyList<string> files, CancellationToken cancellation) =>
        new FilePipeline<Embedding>(session.MaxBatch, new ReadAheadOptions(), (batch, _) => Task.FromResult(Embed(batch)), onProcessor: !session.Device.IsGpu).RunAsync(files, cancellation);

    private Embedding[] Embed(IReadOnlyList<DecodedFile> batch)
    {
        Embedding[] results = [.. batch.Select(file => new Embedding(file.Path, [], file.Error))];
        int[] places = [.. Enumerable.Range(0, batch.Count).Where(i => batch[i].Image is not null)];
        if (places.Length == 0) return results;
        float[] features = new float[places.Length * length];
        try
        {
            session.Run((PixelBuffer[])[.. places.Select(place => batch[place].Image!.Value)], (Memory<float>[])[features]);
            for (int row = 0; row < places.Length; row++) results[places[row]] = new Embedding(batch[places[row]].Path, features[(row * length)..((row + 1) * length)], null);
        }
        catch (ImageException e) when (batch.Count == 1)
        {
            results[0] = new Embedding(batch[0].Path, [], new ImageException($"{batch[0].Path}: {e.Message}", e));
        }
        catch (ImageException)
        {
            // One picture of the batch cannot be prepared: each alone shows which.
            foreach (int place in places) results[place] = Embed([batch[place]])[0];
        }
        return results;
    }
}
