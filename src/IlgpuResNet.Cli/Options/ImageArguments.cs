using System.CommandLine;

namespace IlgpuResNet.Cli;

/// <summary>The argument of commands that read images: files, and folders of them.</summary>
internal static class ImageArguments
{
    public static Argument<string[]> Create()
    {
        var images = new Argument<string[]>("images") { Description = "Image files, or folders of them.", Arity = ArgumentArity.OneOrMore };
        images.RequirePaths();
        return images;
    }

    /// <summary>All image files that the given files and folders stand for; at least one.</summary>
    /// <exception cref="ImageException">A file or folder does not exist, or there are no images.</exception>
    public static string[] Files(params string[] places)
    {
        string[] files = [.. places.SelectMany(ImageFiles.Enumerate)];
        if (files.Length > 0) return files;
        string extensions = string.Join(", ", ImageFiles.Extensions);
        throw new ImageException(
            $"{string.Join(", ", places)}: there are no images here; expected files ending in {extensions}; subfolders are not searched.");
    }
}
