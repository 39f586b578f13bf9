using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Writes weights files.</summary>
internal static class WeightsFileWriter
{
    /// <summary>Writes through <see cref="AtomicFile"/>: an existing file is replaced whole or left unchanged.</summary>
    /// <exception cref="WeightsException">The file cannot be written.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        try
        {
            AtomicFile.Write(path, write);
        }
        catch (IOException e)
        {
            throw new WeightsException($"{path}: cannot be written: {FileText.Clean(e.Message)}.", e);
        }
    }
}
