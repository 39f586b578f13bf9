using System.Text.Json;

namespace IlgpuResNet.Files;

/// <summary>Reads small JSON files.</summary>
internal static class JsonFile
{
    /// <summary>Largest file, in bytes: lists of 22,000 class names with descriptions take 2 MB.</summary>
    private const int Largest = 16 << 20;

    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads a file; null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What the file is, for messages, such as "the configuration beside the weights".</param>
    /// <exception cref="WeightsException">The file cannot be read, is too long, or is not JSON.</exception>
    public static JsonDocument? Read(string path, string what)
    {
        if (!File.Exists(path)) return null;
        try
        {
            long length = InputFile.Length(path);
            if (length == 0) throw new IOException("it is empty, or no regular file");
            if (length > Largest) throw new IOException($"it has {length} bytes, but at most {Largest} are read");
            using FileStream file = File.OpenRead(path);
            return JsonDocument.Parse(file, Lenient);
        }
        catch (JsonException e)
        {
            throw new WeightsException($"{path}: {what} is not valid JSON: {FileText.Clean(e.Message)} Correct or remove it.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{path}: {what} cannot be read: {FileText.Clean(e.Message)}. Correct or remove it.", e);
        }
    }
}
