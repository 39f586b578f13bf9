using System.Collections.Immutable;

namespace IlgpuResNet.Cli;

/// <summary>Memory for the outputs of a session over a number of images, filled a run at a time and written to files at the end.</summary>
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

    /// <summary>The memory of some images in each of the session's outputs; valid until the next call.</summary>
    public ReadOnlySpan<Memory<float>> Of(int first, int count)
    {
        for (int i = 0; i < places.Length; i++)
        {
            int length = session.Outputs[i].Length;
            places[i] = values[i].AsMemory(first * length, count * length);
        }
        return places;
    }

    /// <summary>A copy of the values of one image.</summary>
    /// <param name="output">Index of the output.</param>
    /// <param name="image">Index of the image.</param>
    public float[] Row(int output, int image)
    {
        int length = session.Outputs[output].Length;
        return values[output][(image * length)..((image + 1) * length)];
    }

    /// <summary>
    /// Runs the images of some files. The outputs of the files without an error lie one after another from the image
    /// <paramref name="first"/> on.
    /// </summary>
    /// <returns>For each file the reason why it has no outputs, or null.</returns>
    public ImageException?[] Run(IReadOnlyList<LoadedImage> files, int first)
    {
        ImageException?[] errors = [.. files.Select(file => file.Error)];
        int[] decoded = [.. Enumerable.Range(0, files.Count).Where(i => files[i].Image is not null)];
        if (decoded.Length == 0) return errors;
        try
        {
            session.Run((PixelBuffer[])[.. decoded.Select(i => files[i].Image!.Value)], Of(first, decoded.Length));
            return errors;
        }
        catch (ImageException)
        {
            // One image cannot be prepared: each alone shows which.
        }
        int row = first;
        foreach (int i in decoded)
        {
            try
            {
                session.Run([files[i].Image!.Value], Of(row, 1));
                row++;
            }
            catch (ImageException e)
            {
                errors[i] = new ImageException($"{files[i].Path}: {e.Message}", e);
            }
        }
        return errors;
    }

    /// <summary>Writes each output to the target of its place.</summary>
    /// <param name="targets">One target per output.</param>
    /// <param name="imageNames">Names of the images, for formats that have room for them; or none.</param>
    /// <exception cref="ResNetException">A file cannot be written.</exception>
    public void Save(IReadOnlyList<OutputTarget> targets, params IReadOnlyList<string> imageNames)
    {
        for (int i = 0; i < targets.Count; i++)
        {
            TensorInfo tensor = session.Outputs[i];
            ImmutableArray<int> shape = tensor.HasBatch ? [images, .. tensor.Shape] : tensor.Shape;
            TensorFile.Save(targets[i].File, tensor.Name, shape, values[i], tensor.HasBatch ? imageNames : []);
        }
    }

    private static float[] Allocate(TensorInfo tensor, int images) => (long)tensor.Length * images <= Array.MaxLength / sizeof(float)
        ? new float[tensor.Length * images]
        : throw new ResNetException(
            $"{images} images of {tensor.Length} values of {tensor.Name} are too many for one array. Split the input.");
}
