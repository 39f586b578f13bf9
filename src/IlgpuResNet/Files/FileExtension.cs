using System.Collections.Immutable;

namespace IlgpuResNet.Files;

/// <summary>The ending of a file's name, which chooses the format of a file to write.</summary>
internal static class FileExtension
{
    /// <summary>The extension of a path in lower case, such as <c>.npy</c>.</summary>
    public static string Of(string path) => Path.GetExtension(path).ToLowerInvariant();

    /// <summary>The extension of a path, which must be one of the known ones.</summary>
    /// <param name="path">The path.</param>
    /// <param name="known">The extensions, in lower case.</param>
    /// <param name="parameter">Name of the caller's parameter that has the path.</param>
    /// <exception cref="ArgumentException">The path has another extension.</exception>
    public static string Require(string path, ImmutableArray<string> known, string parameter)
    {
        string extension = Of(path);
        return known.Contains(extension)
            ? extension
            : throw new ArgumentException($"'{path}' must end in one of {string.Join(", ", known)}.", parameter);
    }
}
