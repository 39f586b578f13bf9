namespace IlgpuResNet.Cli;

/// <summary>Checks a file that a command will write before the command begins its work.</summary>
internal static class OutputFile
{
    /// <summary>Fails early where the file could not be written after the work, or where an input would be overwritten.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it is to hold, for messages.</param>
    /// <param name="inputs">What the command reads: files, or names that are no files.</param>
    /// <exception cref="ResNetException">It is an input too, or its folder does not exist.</exception>
    public static void Check(string path, string what, params IEnumerable<string> inputs)
    {
        string file = Resolve(path);
        if (inputs.Any(input => File.Exists(input) && Resolve(input) == file))
            throw new ResNetException($"{path}: is an input too; give {what} another name.");
        if (!Directory.Exists(Path.GetDirectoryName(file)))
            throw new ResNetException($"{path}: {what} cannot be written: its folder does not exist.");
    }

    /// <summary>Full path of the file that a path leads to after all links.</summary>
    public static string Resolve(string path) =>
        (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);
}
