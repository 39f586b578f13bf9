using System.Collections.Immutable;

namespace IlgpuResNet.Cli;

/// <summary>Room for what a session gives for some images, filled a run at a time and written to files at the end.</summary>
internal sealed class OutputBuffers
{
    private readonly InferenceSession session;
    private readonly int images;
    private readonly float[][] values;
    private readonly Memory<float>[] places;

    /// <exception cref="ResNetException">One array cannot hold a tensor of all images.</exception>
    public OutputBuffers(InferenceSession session, int images)
    {
        this.session = session;
        this.images = images;
        values = [.. session.Outputs.Select(tensor => Allocate(tensor, images))];
        places = new Memory<float>[values.Length];
    }

    /// <summary>Where a run over some of the images leaves each of the session's outputs.</summary>
    public ReadOnlySpan<Memory<float>> Of(int first, int count)
    {
        for (int i = 0; i < places.Length; i++)
        {
            int length = session.Outputs[i].Length;
            places[i] = values[i].AsMemory(first * length, count * length);
        }
        return places;
    }

    /// <summary>Writes each output to the target of its place.</summary>
    /// <param name="targets">Where to.</param>
    /// <param name="imageNames">Names of the images, for formats that have room for them; none where there are none.</param>
    /// <exception cref="ResNetException">A file cannot be written.</exception>
    public void Save(IReadOnlyList<OutputTarget> targets, params IReadOnlyList<string> imageNames)
    {
        for (int i = 0; i < targets.Count; i++)
        {
            TensorInfo tensor = session.Outputs[i];
            ImmutableArray<int> shape = tensor.HasBatch ? [images, .. tensor.Shape] : tensor.Shape;
            targets[i].Save(tensor.Name, shape, values[i], tensor.HasBatch ? imageNames : []);
        }
    }

    private static float[] Allocate(TensorInfo tensor, int images) => (long)tensor.Length * images <= Array.MaxLength / sizeof(float)
        ? new float[tensor.Length * images]
        : throw new ResNetException($"{images} images of {tensor.Length} values of {tensor.Name} are too many for one array. Split the input.");
}
