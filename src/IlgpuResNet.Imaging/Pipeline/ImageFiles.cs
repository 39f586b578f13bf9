using System.Collections.Immutable;

namespace IlgpuResNet;

/// <summary>Lists image files.</summary>
public static class ImageFiles
{
    /// <summary>Extensions of the formats that <see cref="ImageFile"/> reads, in lower case.</summary>
    public static ImmutableArray<string> Extensions { get; } = [".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp"];

    /// <summary>
    /// Lists the image files of a folder, without subfolders, in ordinal order: files that have one of <see cref="Extensions"/>, in upper
    /// or lower case. For the path of a file, returns that file, whatever its extension.
    /// </summary>
    /// <exception cref="ImageException">There is no such file or folder, or the folder cannot be read.</exception>
    public static IReadOnlyList<string> Enumerate(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (File.Exists(path)) return [path];
        if (!Directory.Exists(path)) throw new ImageException($"{path}: no such file or folder.");
        try
        {
            string[] files = [.. Directory.EnumerateFiles(path).Where(IsImage)];
            Array.Sort(files, StringComparer.Ordinal);
            return files;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageException($"{path}: permission to list the folder is denied.", e);
        }
        catch (IOException e)
        {
            throw new ImageException($"{path}: cannot be listed: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    private static bool IsImage(string path)
    {
        string extension = Path.GetExtension(path);
        return Extensions.Any(known => known.Equals(extension, StringComparison.OrdinalIgnoreCase));
    }
}
