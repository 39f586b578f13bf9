using System.Collections.Immutable;

namespace IlgpuResNet;

/// <summary>A class that an image may show, with its probability.</summary>
/// <param name="Index">Index of the class, from 0.</param>
/// <param name="Label">Name of the class.</param>
/// <param name="Probability">Softmax probability, 0 to 1.</param>
public readonly record struct Prediction(int Index, string Label, float Probability);

/// <summary>Selects the classes with the largest scores.</summary>
public static class TopK
{
    /// <summary>Writes the indices of the largest scores, largest first. Equal scores are ordered by index; NaN comes last.</summary>
    /// <param name="scores">Scores, one per class.</param>
    /// <param name="indices">Receives the indices: as many as the span holds, or as there are scores if these are fewer.</param>
    /// <returns>Number of indices written.</returns>
    public static int Select(ReadOnlySpan<float> scores, Span<int> indices)
    {
        int count = 0;
        for (int i = 0; i < scores.Length; i++)
        {
            int position = count;
            while (position > 0 && IsGreater(scores[i], scores[indices[position - 1]])) position--;
            if (position == indices.Length) continue;
            if (count < indices.Length) count++;
            for (int j = count - 1; j > position; j--) indices[j] = indices[j - 1];
            indices[position] = i;
        }
        return count;
    }

    /// <summary>Returns the most probable classes, most probable first. Equal ones are ordered by index; NaN comes last.</summary>
    /// <param name="probabilities">Probabilities, one per class.</param>
    /// <param name="classNames">Names, one per class.</param>
    /// <param name="count">Number of classes to return; all classes when there are fewer.</param>
    public static Prediction[] Predictions(ReadOnlySpan<float> probabilities, ImmutableArray<string> classNames, int count)
    {
        var predictions = new Prediction[Math.Min(count, probabilities.Length)];
        Predictions(probabilities, classNames, predictions, new int[predictions.Length]);
        return predictions;
    }

    /// <summary>
    /// Writes the most probable classes into a span. <paramref name="indices"/> is working memory, one element per prediction or class.
    /// </summary>
    internal static int Predictions(
        ReadOnlySpan<float> probabilities, ImmutableArray<string> classNames, Span<Prediction> predictions, Span<int> indices)
    {
        int count = Select(probabilities, indices[..Math.Min(predictions.Length, indices.Length)]);
        for (int i = 0; i < count; i++)
            predictions[i] = new Prediction(indices[i], classNames[indices[i]], probabilities[indices[i]]);
        return count;
    }

    private static bool IsGreater(float a, float b) => a > b || (float.IsNaN(b) && !float.IsNaN(a));
}
