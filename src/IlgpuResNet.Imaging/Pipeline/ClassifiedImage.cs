namespace IlgpuResNet;

/// <summary>Result of one image file.</summary>
/// <param name="Path">Path of the file.</param>
/// <param name="Predictions">The most probable classes, most probable first; empty after an error.</param>
/// <param name="Error">Reason why the file could not be classified, or null.</param>
public sealed record ClassifiedImage(string Path, IReadOnlyList<Prediction> Predictions, ImageException? Error);

/// <summary>Progress of classifying a list of files.</summary>
/// <param name="Done">Number of results returned so far, errors included.</param>
/// <param name="Failed">Number of these results that have an error.</param>
/// <param name="Total">Number of all files; null when it is not known before the end.</param>
public readonly record struct FileProgress(int Done, int Failed, int? Total);
