using System.Collections.Immutable;
using IlgpuResNet.Imaging;

namespace IlgpuResNet;

/// <summary>Lists image files.</summary>
public static class ImageFiles
{
    /// <summary>Extensions of the formats that <see cref="ImageFile"/> reads, in lower case.</summary>
    public static ImmutableArray<string> Extensions { get; } = [".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"];

    /// <summary>
    /// Lists the image files of a folder, without subfolders, in ordinal order: files that have one of <see cref="Extensions"/>, in upper
    /// or lower case, or hold such an image under the extension of another image format or none. For the path of a file, returns that
    /// file, whatever its extension.
    /// </summary>
    /// <exception cref="ImageException">There is no such file or folder, or the folder cannot be read.</exception>
    public static IReadOnlyList<string> Enumerate(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return List([path]).Files;
    }

    /// <summary>
    /// Lists the image files of files, folders and wildcards, as <see cref="Enumerate"/> does for one, and counts what is passed over.
    /// Files of macOS that begin with <c>._</c> are no images.
    /// </summary>
    /// <param name="places">
    /// Paths of files and folders, or patterns with <c>*</c> and <c>?</c> in names, as in <c>photos/*.jpg</c>; <c>**</c> stands for folders
    /// of any depth. A path that exists is no pattern.
    /// </param>
    /// <param name="recursive">True to search subfolders, too, whose links are not followed.</param>
    /// <exception cref="ImageException">There is no such file or folder, nothing fits a pattern, or a folder cannot be read.</exception>
    public static ImageFileList List(IEnumerable<string> places, bool recursive = false)
    {
        ArgumentNullException.ThrowIfNull(places);
        var listing = new ImageListing(recursive);
        foreach (string place in places) listing.Add(place);
        return listing.ToList();
    }
}
