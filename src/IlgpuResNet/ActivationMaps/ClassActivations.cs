using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet;

/// <summary>
/// What one run of a <see cref="ClassActivationMapper"/> gave: class scores, and the feature map from which the map of every class follows,
/// <c>map[k](p, q) = sum_c weight[k, c] feature[c](p, q)</c> with the weight of the fully connected layer.
/// Any number of threads may read it while no run fills it anew. It stays valid when mapper and model are disposed.
/// </summary>
public sealed class ClassActivations
{
    /// <summary>Pixels that are summed at a time, in double.</summary>
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
    /// Pixels of a map that the network's average pool takes: all, <c>P Q</c>, but for a pool of fixed size on a larger map. A class's logit is
    /// <c>bias + sum of its map / PooledPixels</c>: with all, the mean of the map and the bias.
    /// </summary>
    public int PooledPixels => classifier.PooledHeight * classifier.PooledWidth;

    /// <summary>Class scores <c>[classes]</c>.</summary>
    public ReadOnlySpan<float> Logits => logits;

    /// <summary>Softmax probabilities <c>[classes]</c>.</summary>
    public ReadOnlySpan<float> Probabilities => probabilities;

    /// <summary>Where a run leaves features <c>[C, P, Q]</c>, logits and probabilities.</summary>
    internal Memory<float>[] Places { get; }

    /// <summary>How the image that was run was prepared; null of one that came prepared.</summary>
    internal ImagePreset? Preset { get; set; }

    /// <summary>The most probable classes, most probable first.</summary>
    /// <param name="topK">How many; all classes when there are not as many.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="topK"/> is below 1.</exception>
    public Prediction[] Predictions(int topK = 5)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(topK, 1);
        return TopK.Predictions(probabilities, classNames, topK);
    }

    /// <summary>The bias of the fully connected layer for a class.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public float Bias(int classIndex)
    {
        CheckClass(classIndex);
        return classifier.Bias[classIndex];
    }

    /// <summary>The map of the most probable class.</summary>
    public ClassActivationMap Map()
    {
        Span<int> best = stackalloc int[1];
        TopK.Select(probabilities, best);
        return Map(best[0]);
    }

    /// <summary>The map of a class.</summary>
    /// <param name="classIndex">Index of the class, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public ClassActivationMap Map(int classIndex)
    {
        var values = new float[Height * Width];
        CopyMap(classIndex, values);
        return new ClassActivationMap(
            new Prediction(classIndex, classNames[classIndex], probabilities[classIndex]), logits[classIndex], classifier.Bias[classIndex], Height, Width, PooledPixels, values, Preset);
    }

    /// <summary>Computes the map of a class without an allocation.</summary>
    /// <param name="classIndex">Index of the class, from 0.</param>
    /// <param name="map">
    /// Receives <c>[P, Q]</c>. Sums are in double. Pixels that the average pool leaves out add nothing to the logit and are 0.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    /// <exception cref="GraphException">The span has another length.</exception>
    public void CopyMap(int classIndex, Span<float> map)
    {
        CheckClass(classIndex);
        int pixels = Height * Width, channels = classifier.Shape.C;
        if (map.Length != pixels) throw new GraphException($"A class activation map is [{Height}, {Width}], {pixels} floats, but the span has {map.Length}.");
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
