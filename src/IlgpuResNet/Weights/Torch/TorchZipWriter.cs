using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Writes a state dict as <c>torch.save(model.state_dict(), path)</c> does since 1.6, each tensor in its own element type and storage. The
/// format has no place for metadata.
/// </summary>
internal static class TorchZipWriter
{
    private const string Folder = "archive";
    private const string Pickle = $"{Folder}/data.pkl";
    private const string Version = $"{Folder}/version";

    /// <summary>Writes through <see cref="AtomicFile"/>: an existing file is replaced whole or left unchanged.</summary>
    /// <exception cref="WeightsException">The file cannot be written, or would be too large.</exception>
    public static void Write(StateDict weights, string path)
    {
        StateTensor[] tensors = [.. weights.Values];
        ReadOnlyMemory<byte> pickle = PickleWriter.StateDict(tensors);
        CheckSize(path, tensors, pickle.Length);
        WeightsFileWriter.Write(path, stream =>
        {
            var zip = new ZipWriter(stream);
            Entry(zip, Pickle, pickle.Span);
            for (int key = 0; key < tensors.Length; key++)
            {
                zip.BeginEntry(StorageName(key));
                tensors[key].WriteTo(zip, static (piece, target) => target.Append(piece));
                zip.EndEntry();
            }
            Entry(zip, Version, "3\n"u8);
            zip.Finish();
        });
    }

    private static string StorageName(int key) => $"{Folder}/data/{key}";

    /// <summary>Checks the limits of a zip file without 64-bit fields: 4 GiB and 65,535 entries.</summary>
    private static void CheckSize(string path, StateTensor[] tensors, int pickleLength)
    {
        long size = pickleLength + ZipWriter.Overhead(Pickle) + ZipWriter.Overhead(Version);
        for (int key = 0; key < tensors.Length; key++)
            size += tensors[key].Count * tensors[key].DataType.Size() + ZipWriter.Overhead(StorageName(key));
        if (size > uint.MaxValue || tensors.Length > ZipWriter.MostEntries - 2)
        {
            throw new WeightsException(
                $"{path}: cannot be written: {tensors.Length} tensors in {size} bytes pass what a .pth file may hold here, "
                + $"{ZipWriter.MostEntries - 2} tensors in {uint.MaxValue} bytes; save them as safetensors.");
        }
    }

    private static void Entry(ZipWriter zip, string name, ReadOnlySpan<byte> content)
    {
        zip.BeginEntry(name);
        zip.Append(content);
        zip.EndEntry();
    }
}
