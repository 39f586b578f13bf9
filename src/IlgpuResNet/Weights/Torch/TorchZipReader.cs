using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Reads the zip format that <c>torch.save</c> writes since 1.6: stored entries <c>NAME/data.pkl</c> with the structure and
/// <c>NAME/data/KEY</c> with each storage.
/// </summary>
internal static class TorchZipReader
{
    private const string PickleEntry = "/data.pkl";
    private const string KerasEntry = "model.weights.h5";

    /// <summary>Content of the entry <c>byteorder</c>.</summary>
    private static ReadOnlySpan<byte> BigEndian => "big"u8;

    /// <summary>Reads the structure; elements stay in the file.</summary>
    /// <exception cref="WeightsException">
    /// The file is damaged, holds no network, or one that depends on an object that is not made.
    /// </exception>
    public static WeightsContent Read(WeightsFile.Lease lease, ReadBudget budget, NetworkRequest request)
    {
        WeightsFile file = lease.File;
        Dictionary<string, ZipEntry> entries = ZipDirectory.Read(lease, budget);
        string[] pickles = [.. entries.Keys.Where(name => name.EndsWith(PickleEntry, StringComparison.Ordinal)).Take(2)];
        if (pickles.Length == 0 && entries.ContainsKey(KerasEntry))
        {
            throw new WeightsException(
                $"{file.Path}: not a weights file: it looks like a Keras model; a safetensors or .pth file was expected.");
        }
        if (pickles.Length != 1)
        {
            string found = pickles.Length == 0 ? "no" : "more than one";
            throw new WeightsException($"{file.Path}: is a zip archive, but has {found} data.pkl, so torch.save did not write it.");
        }
        string folder = pickles[0][..^PickleEntry.Length];
        CheckByteOrder(lease, entries, folder);

        ZipEntry pickle = Plain(file, pickles[0], entries[pickles[0]]);
        if (pickle.Length > int.MaxValue)
            throw new WeightsException($"{file.Path}: damaged .pth file: its data.pkl has {pickle.Length} bytes.");
        var window = new FileWindow(lease, budget);
        var reader = new PickleReader(window, pickle.Offset, (int)pickle.Length, budget, new TorchObjects(budget));
        return TorchCheckpoint.Collect(budget, reader.Read(), request, storage => Locate(file, entries, folder, storage));
    }

    private static long Locate(WeightsFile file, Dictionary<string, ZipEntry> entries, string folder, StorageReference storage)
    {
        string name = $"{folder}/data/{storage.Key}";
        if (!entries.TryGetValue(name, out ZipEntry entry))
            throw new WeightsException($"{file.Path}: damaged .pth file: storage {FileText.Clean(storage.Key)} is missing.");
        long needed = storage.Count * storage.DataType.Size();
        if (needed > entry.Length)
        {
            throw new WeightsException(
                $"{file.Path}: damaged .pth file: storage {FileText.Clean(storage.Key)} needs {needed} bytes, but has {entry.Length}.");
        }
        return Plain(file, name, entry).Offset;
    }

    private static ZipEntry Plain(WeightsFile file, string name, ZipEntry entry) => entry.Stored
        ? entry
        : throw new WeightsException(
            $"{file.Path}: entry {FileText.Clean(name)} is compressed or encrypted; "
            + "torch.save stores entries as they are, so save it again.");

    private static void CheckByteOrder(WeightsFile.Lease lease, Dictionary<string, ZipEntry> entries, string folder)
    {
        if (!entries.TryGetValue($"{folder}/byteorder", out ZipEntry entry) || entry.Length != BigEndian.Length) return;
        Span<byte> order = stackalloc byte[BigEndian.Length];
        lease.Read(entry.Offset, order);
        if (order.SequenceEqual(BigEndian))
        {
            throw new WeightsException(
                $"{lease.File.Path}: was saved on a big-endian machine, which is not supported; load and save it again on another.");
        }
    }
}
