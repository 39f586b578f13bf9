using System.CommandLine;

namespace IlgpuResNet.Cli;

/// <summary>The argument of commands that read images, files and folders of them, and the options for how these are read.</summary>
internal sealed class ImageArguments
{
    /// <summary>Stands for the standard input, whose image is read once.</summary>
    private const string StandardInput = "-";

    private readonly Argument<string[]> images = new("images")
    {
        Description = "Image files, folders of them, patterns such as 'photos/*.jpg', or - for the standard input.",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<bool> recursive = new("--recursive", "-r") { Description = "Searches subfolders, too." };

    private readonly Option<bool> acceptTruncated = new("--accept-truncated")
    {
        Description = "Takes images whose data ends early; their missing part is black or gray.",
    };

    public ImageArguments() => images.RequirePaths();

    /// <summary>Adds the argument, and the options that go with it.</summary>
    public void AddTo(Command command)
    {
        command.Add(images);
        AddOptionsTo(command);
    }

    /// <summary>Adds the options alone, for a command with a folder of its own.</summary>
    public void AddOptionsTo(Command command)
    {
        command.Add(recursive);
        AddTruncatedTo(command);
    }

    /// <summary>Adds the option for a command with one file.</summary>
    public void AddTruncatedTo(Command command) => command.Add(acceptTruncated);

    /// <summary>All image files that the argument stands for; at least one. Tells what folders hold besides.</summary>
    /// <exception cref="ImageException">A file or folder does not exist, or there are no images.</exception>
    public string[] Files(ParseResult result, ToolConsole console) => Files(result, console, result.GetValue(images)!);

    /// <inheritdoc cref="Files(ParseResult, ToolConsole)"/>
    public string[] Files(ParseResult result, ToolConsole console, params string[] places)
    {
        var files = new List<string>();
        var notes = new List<string>();
        bool deep = result.GetValue(recursive);
        // Places are listed one by one: the standard input may stand between others.
        foreach (string place in places)
        {
            if (place == StandardInput)
            {
                if (files.Contains(place)) throw new ImageException($"{place}: the standard input holds one image, but is named twice.");
                files.Add(place);
                continue;
            }
            ImageFileList found = ImageFiles.List([place], deep);
            files.AddRange(found.Files);
            if (found.ToString() is { Length: > 0 } note) notes.Add($"{place}: {note}{(found.SkippedFolders > 0 ? " (--recursive)" : "")}");
        }
        if (files.Count == 0)
        {
            string extensions = string.Join(", ", ImageFiles.Extensions);
            string details = notes.Count > 0 ? $" ({string.Join("; ", notes)})" : "";
            throw new ImageException(
                $"{string.Join(", ", places)}: there are no images here{details}; expected files ending in {extensions}.");
        }
        foreach (string note in notes) console.Note(note);
        return [.. files];
    }

    /// <summary>How images are read.</summary>
    public ReadAheadOptions Reading(ParseResult result) =>
        new() { AcceptTruncated = result.GetValue(acceptTruncated), Open = Open };

    /// <summary>Reads one image from a file, a pipe or the standard input.</summary>
    public PixelBuffer Load(ParseResult result, string place)
    {
        bool truncated = result.GetValue(acceptTruncated);
        using Stream? stream = Open(place);
        return stream is null
            ? ImageFile.Load(place, acceptTruncated: truncated)
            : ImageFile.Load(stream, place, acceptTruncated: truncated);
    }

    /// <summary>The standard input, or the pipe that a shell puts in the place of a file; null for files.</summary>
    private static Stream? Open(string path)
    {
        if (path == StandardInput) return Console.OpenStandardInput();
        bool isDescriptor = path.StartsWith("/dev/fd/", StringComparison.Ordinal) || path == "/dev/stdin"
            || path.StartsWith("/proc/self/fd/", StringComparison.Ordinal);
        if (!isDescriptor) return null;
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageException($"{path}: cannot be read: {e.Message}", e);
        }
    }
}
