using IlgpuResNet.Files;

namespace IlgpuResNet.Cli;

/// <summary>What can be said of a file that a command will write before it begins its work.</summary>
internal static class OutputFile
{
    /// <summary>Fails where a command would only find out after its work that the file cannot be written, or would lose one that it reads.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What it is to hold, for messages.</param>
    /// <param name="inputs">What the command reads: files, or names that are no files.</param>
    /// <exception cref="ResNetException">It is an input too, or its folder does not exist.</exception>
    public static void Check(string path, string what, params IEnumerable<string> inputs)
    {
        string file = InputFile.Resolve(path);
        if (inputs.Any(input => File.Exists(input) && InputFile.Resolve(input) == file))
            throw new ResNetException($"{path}: is an input too; give {what} another name.");
        if (!Directory.Exists(Path.GetDirectoryName(file)))
            throw new ResNetException($"{path}: {what} cannot be written: its folder does not exist.");
    }
}
