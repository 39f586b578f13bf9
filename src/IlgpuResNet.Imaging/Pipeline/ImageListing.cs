using System.Collections.Immutable;

namespace IlgpuResNet.Imaging;

/// <summary>Collects image files from files, folders and patterns, and counts what it passes over.</summary>
internal sealed class ImageListing(bool recursive)
{
    private const string AppleDouble = "._";
    private const string AnyDepth = "**";

    /// <summary>Extensions of formats that are not read, under which cameras and web pages also store those that are.</summary>
    private static readonly ImmutableArray<string> Misleading = ["", ".avif", ".heic", ".heif", ".jp2", ".jxl", ".tif", ".tiff"];

    private static readonly char[] Separators = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    private readonly ImmutableArray<string>.Builder files = ImmutableArray.CreateBuilder<string>();
    private readonly SortedDictionary<string, int> skipped = new(StringComparer.Ordinal);
    private int skippedFolders;

    /// <summary>Adds what a file, a folder or a pattern stands for.</summary>
    public void Add(string place)
    {
        if (File.Exists(place)) files.Add(place);
        else if (Directory.Exists(place)) AddFolder(place);
        else if (place.Contains('*') || place.Contains('?')) AddPattern(place);
        else throw new ImageException($"{place}: no such file or folder.");
    }

    public ImageFileList ToList() => new(files.ToImmutable(), skipped.ToImmutableSortedDictionary(StringComparer.Ordinal), skippedFolders);

    private void AddFolder(string folder)
    {
        AddImages(Sorted(folder, Directory.EnumerateFiles));
        string[] folders = Sorted(folder, Directory.EnumerateDirectories);
        if (!recursive)
        {
            skippedFolders += folders.Length;
            return;
        }
        foreach (string inner in folders)
        {
            // A link may lead back to where it lies.
            if (new DirectoryInfo(inner).LinkTarget is null) AddFolder(inner);
        }
    }

    private void AddPattern(string pattern)
    {
        int before = files.Count + skipped.Values.Sum();
        string root = Path.GetPathRoot(pattern) ?? "";
        Expand(root, pattern[root.Length..].Split(Separators, StringSplitOptions.RemoveEmptyEntries));
        if (files.Count + skipped.Values.Sum() == before) throw new ImageException($"{pattern}: no file fits this pattern.");
    }

    private void Expand(string folder, ReadOnlySpan<string> names)
    {
        string place = folder.Length == 0 ? "." : folder;
        string name = names[0];
        if (names.Length == 1)
        {
            AddImages(Sorted(place, at => Directory.EnumerateFiles(at, name == AnyDepth ? "*" : name)).Select(file => Named(folder, file)));
            if (name == AnyDepth) ExpandBelow(names);
        }
        else if (name == AnyDepth)
        {
            Expand(folder, names[1..]);
            ExpandBelow(names);
        }
        else
        {
            foreach (string inner in Sorted(place, at => Directory.EnumerateDirectories(at, name)))
                Expand(Named(folder, inner), names[1..]);
        }

        void ExpandBelow(ReadOnlySpan<string> rest)
        {
            foreach (string inner in Sorted(place, Directory.EnumerateDirectories))
            {
                if (new DirectoryInfo(inner).LinkTarget is null) Expand(Named(folder, inner), rest);
            }
        }

        static string Named(string folder, string path) => Path.Combine(folder, Path.GetFileName(path));
    }

    private void AddImages(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            if (KindOfOther(path) is { } kind) skipped[kind] = skipped.GetValueOrDefault(kind) + 1;
            else files.Add(path);
        }
    }

    /// <summary>Kind of a file that is no image to read; null for one that is.</summary>
    private static string? KindOfOther(string path)
    {
        if (Path.GetFileName(path).StartsWith(AppleDouble, StringComparison.Ordinal)) return "of macOS (._*)";
        string extension = Path.GetExtension(path).ToLowerInvariant();
        if (ImageFiles.Extensions.Contains(extension)) return null;
        if (!Misleading.Contains(extension)) return extension;
        if (ImageFormats.IsReadable(Start(path))) return null;
        return extension.Length > 0 ? extension : "without extension";
    }

    /// <summary>The first bytes of a file; none of a file that cannot be read or is no regular one.</summary>
    private static byte[] Start(string path)
    {
        try
        {
            if (new FileInfo(path).Length == 0) return [];
            byte[] start = new byte[ImageFormats.LookAt];
            using FileStream file = File.OpenRead(path);
            return start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string[] Sorted(string folder, Func<string, IEnumerable<string>> list)
    {
        try
        {
            string[] found = [.. list(folder)];
            Array.Sort(found, StringComparer.Ordinal);
            return found;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageException($"{folder}: permission to list the folder is denied.", e);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (IOException e)
        {
            throw new ImageException($"{folder}: cannot be listed: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }
}
