namespace IlgpuResNet;

/// <summary>What came of one image file.</summary>
/// <param name="Path">The file.</param>
/// <param name="Predictions">The most probable classes, most probable first; empty when there is an error.</param>
/// <param name="Error">Why the file could not be classified, or null.</param>
public sealed record ClassifiedImage(string Path, IReadOnlyList<Prediction> Predictions, ImageException? Error);

/// <summary>How far the files of an enumeration are.</summary>
/// <param name="Done">Files whose result was handed out, failed ones included.</param>
/// <param name="Failed">Those among them with an error.</param>
/// <param name="Total">Files in all; null where nobody knows before the end.</param>
public readonly record struct FileProgress(int Done, int Failed, int? Total);
