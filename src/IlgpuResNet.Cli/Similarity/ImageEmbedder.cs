namespace IlgpuResNet.Cli.Similarity;

/// <summary>The features of one image file, or an error.</summary>
internal readonly record struct Embedding(string Path, float[] Features, ImageException? Error);

/// <summary>Runs image files through a session with one output, decoding ahead on worker threads.</summary>
internal sealed class ImageEmbedder(InferenceSession session, ReadAheadOptions reading)
{
    /// <summary>Number of features of one image.</summary>
    public int Length { get; } = session.Outputs[0].Length;

    /// <summary>A result for each file, in order.</summary>
    public IAsyncEnumerable<Embedding> EmbedAsync(IReadOnlyList<string> files, CancellationToken cancellation) => ImagePipeline.RunAsync(
        files, session.MaxBatch, session.Device, (batch, _) => Task.FromResult(Embed(batch)), reading, cancellation);

    private Embedding[] Embed(IReadOnlyList<LoadedImage> batch)
    {
        var outputs = new OutputBuffers(session, batch.Count);
        ImageException?[] errors = outputs.Run(batch, first: 0);
        int row = 0;
        return [.. batch.Select((file, i) => new Embedding(file.Path, errors[i] is null ? outputs.Row(output: 0, row++) : [], errors[i]))];
    }
}
