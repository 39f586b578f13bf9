using System.Collections.Immutable;
using System.Globalization;

namespace IlgpuResNet;

/// <summary>Image files that places stand for, and what was passed over there.</summary>
/// <param name="Files">Paths of the image files, in the order of the places, and in ordinal order within a folder.</param>
/// <param name="Skipped">Number of files that were passed over, by kind, such as <c>.txt</c>.</param>
/// <param name="SkippedFolders">Number of subfolders that were not searched.</param>
public sealed record ImageFileList(
    ImmutableArray<string> Files, ImmutableSortedDictionary<string, int> Skipped, int SkippedFolders)
{
    /// <summary>
    /// Text about what was passed over, such as <c>3 files skipped: 1 .heic, 2 .txt; 1 subfolder not searched</c>; else empty.
    /// </summary>
    public override string ToString()
    {
        var parts = new List<string>();
        int files = Skipped.Values.Sum();
        if (files > 0)
        {
            IEnumerable<string> kinds = Skipped.Select(kind => string.Create(CultureInfo.InvariantCulture, $"{kind.Value} {kind.Key}"));
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{files} {(files == 1 ? "file" : "files")} skipped: ")
                + string.Join(", ", kinds));
        }
        if (SkippedFolders > 0)
        {
            string folders = SkippedFolders == 1 ? "subfolder" : "subfolders";
            parts.Add(string.Create(CultureInfo.InvariantCulture, $"{SkippedFolders} {folders} not searched"));
        }
        return string.Join("; ", parts);
    }
}
