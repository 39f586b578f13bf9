using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet;

/// <summary>
/// Results of one run of a <see cref="ClassActivationMapper"/>: class scores, and the feature map from which the map of every class is
/// computed as <c>map[k](p, q) = sum_c weight[k, c] feature[c](p, q)</c>, with the weight of the fully connected layer. Any number of
/// threads may read it while no run writes to it. It stays valid after mapper and model are disposed.
/// </summary>
public sealed class ClassActivations
{
    /// <summary>Pixels whose sums are computed together, in double.</summary>
    private const int Block = 64;

    private readonly PooledClassifier classifier;
    private readonly ImmutableArray<string> classNames;
    private readonly float[] features, logits, probabilities;

    internal ClassActivations(PooledClassifier classifier, Model model)
    {
        this.classifier = classifier;
        classNames = model.ClassNames;
        features = new float[classifier.Shape.Count];
        logits = new float[classifier.Bias.Length];
        probabilities = new float[classifier.Bias.Length];
        Places = [features, logits, probabilities];
    }

    /// <summary>Rows of a map, P.</summary>
    public int Height => classifier.Shape.H;

    /// <summary>Columns of a map, Q.</summary>
    public int Width => classifier.Shape.W;

    /// <summary>
    /// Number of map pixels that the network's average pool covers: <c>P Q</c>, unless a pool of fixed size meets a larger map. The logit
    /// of a class is <c>bias + sum of its map / PooledPixels</c>; when all pixels are covered, the mean of the map plus the bias.
    /// </summary>
    public int PooledPixels => classifier.PooledHeight * classifier.PooledWidth;

    /// <summary>Class scores before the softmax, <c>[classes]</c>.</summary>
    public ReadOnlySpan<float> Logits => logits;

    /// <summary>Softmax probabilities, <c>[classes]</c>.</summary>
    public ReadOnlySpan<float> Probabilities => probabilities;

    /// <summary>Arrays that a run writes: features <c>[C, P, Q]</c>, logits and probabilities.</summary>
    internal Memory<float>[] Places { get; }

    /// <summary>Preset that the image was preprocessed with; null for input that was already preprocessed.</summary>
    internal ImagePreset? Preset { get; set; }

    /// <summary>Returns the most probable classes, most probable first.</summary>
    /// <param name="topK">Number of classes to return; all classes when the network has fewer.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    public Prediction[] Predictions(int topK = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return TopK.Predictions(probabilities, classNames, topK);
    }

    /// <summary>Returns the bias that the fully connected layer adds to the logit of a class.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public float Bias(int classIndex)
    {
        CheckClass(classIndex);
        return classifier.Bias[classIndex];
    }

    /// <summary>Computes the activation map of the most probable class.</summary>
    public ClassActivationMap Map()
    {
        Span<int> best = stackalloc int[1];
        TopK.Select(probabilities, best);
        return Map(best[0]);
    }

    /// <summary>Computes the activation map of a class.</summary>
    /// <param name="classIndex">Index of the class, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public ClassActivationMap Map(int classIndex)
    {
        var values = new float[Height * Width];
        CopyMap(classIndex, values);
        var prediction = new Prediction(classIndex, classNames[classIndex], probabilities[classIndex]);
        return new ClassActivationMap(
            prediction, logits[classIndex], classifier.Bias[classIndex], Height, Width, PooledPixels, values, Preset);
    }

    /// <summary>Computes the activation map of a class into memory of the caller, without allocating.</summary>
    /// <param name="classIndex">Index of the class, from 0.</param>
    /// <param name="map">
    /// Receives <c>[P, Q]</c>. Sums are computed in double. Pixels that the average pool does not cover add nothing to the logit and are 0.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    /// <exception cref="GraphException">The span has another length.</exception>
    public void CopyMap(int classIndex, Span<float> map)
    {
        CheckClass(classIndex);
        int pixels = Height * Width, channels = classifier.Shape.C;
        if (map.Length != pixels)
            throw new GraphException($"A class activation map is [{Height}, {Width}], {pixels} floats, but the span has {map.Length}.");
        ReadOnlySpan<float> weight = classifier.Weight.AsSpan(classIndex * channels, channels);
        Span<double> sums = stackalloc double[Block];
        for (int first = 0; first < pixels; first += Block)
        {
            Span<float> block = map.Slice(first, Math.Min(Block, pixels - first));
            sums.Clear();
            for (int c = 0; c < channels; c++)
            {
                double factor = weight[c];
                ReadOnlySpan<float> feature = features.AsSpan(c * pixels + first, block.Length);
                for (int i = 0; i < feature.Length; i++) sums[i] += factor * feature[i];
            }
            for (int i = 0; i < block.Length; i++) block[i] = IsPooled(first + i) ? (float)sums[i] : 0;
        }
    }

    internal bool IsOf(PooledClassifier other) => ReferenceEquals(classifier, other);

    private bool IsPooled(int pixel)
    {
        (int row, int column) = Math.DivRem(pixel, Width);
        return row < classifier.PooledHeight && column < classifier.PooledWidth;
    }

    private void CheckClass(int classIndex)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(classIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(classIndex, logits.Length);
    }
}
