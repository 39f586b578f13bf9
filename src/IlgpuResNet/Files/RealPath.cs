namespace IlgpuResNet.Files;

/// <summary>Resolves all links of a path, also those of its folders.</summary>
internal static class RealPath
{
    private const int MostLinks = 40;

    /// <summary>Follows every link. Parts that do not exist stay as they are written.</summary>
    /// <param name="path">A full path.</param>
    /// <exception cref="IOException">There are more than 40 links, perhaps in a circle.</exception>
    public static string Of(string path)
    {
        string root = Path.GetPathRoot(path)!;
        string real = root;
        var rest = new Stack<string>();
        Push(rest, path[root.Length..]);
        for (int links = 0; rest.TryPop(out string? part);)
        {
            if (part is "" or ".") continue;
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? root;
                continue;
            }
            string next = Path.Combine(real, part);
            if (new FileInfo(next).LinkTarget is not { } target)
            {
                real = next;
                continue;
            }
            if (++links > MostLinks) throw new IOException("too many links");
            if (Path.IsPathRooted(target))
            {
                real = Path.GetPathRoot(target)!;
                target = target[real.Length..];
            }
            Push(rest, target);
        }
        return real;
    }

    private static void Push(Stack<string> rest, string path)
    {
        string[] parts = path.Split(Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar);
        for (int i = parts.Length - 1; i >= 0; i--) rest.Push(parts[i]);
    }
}
