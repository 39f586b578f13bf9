using System.Buffers.Binary;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>
/// Reads the stream format that <c>torch.save</c> wrote before 1.6: pickles of a magic number, the protocol version, the system, the object
/// and the list of storage keys, then for each key an i64 count and the raw elements.
/// </summary>
internal static class TorchStreamReader
{
    private const long ProtocolVersion = 1001;

    /// <summary>Reads the structure; elements stay in the file.</summary>
    /// <exception cref="WeightsException">
    /// The file is damaged, holds no network, or one that depends on an object that is not made.
    /// </exception>
    public static WeightsContent Read(WeightsFile.Lease lease, ReadBudget budget, NetworkRequest request)
    {
        WeightsFile file = lease.File;
        var window = new FileWindow(lease, budget);
        var objects = new TorchObjects(budget);
        long position = 0;
        Next(window, budget, objects, ref position);
        if (Next(window, budget, objects, ref position) is not PickleInteger(ProtocolVersion))
            throw Damaged(file, $"its protocol version is not {ProtocolVersion}");
        if (Next(window, budget, objects, ref position) is not PickleDict system)
            throw Damaged(file, "its description of the system is missing");
        if (system.Find("little_endian") is PickleBool(false))
        {
            throw new WeightsException(
                $"{file.Path}: was saved on a big-endian machine, which is not supported; load and save it again on another.");
        }
        PickleValue root = Next(window, budget, objects, ref position);
        if (Next(window, budget, objects, ref position) is not PickleList keys) throw Damaged(file, "its list of storages is missing");

        Dictionary<string, long> offsets = LocateStorages(file, window, objects, keys.Items, position);
        return TorchCheckpoint.Collect(budget, root, request, storage =>
            offsets.TryGetValue(storage.Key, out long offset)
                ? offset
                : throw Damaged(file, $"storage {FileText.Clean(storage.Key)} is missing"));
    }

    private static PickleValue Next(FileWindow window, ReadBudget budget, TorchObjects objects, ref long position)
    {
        int length = (int)Math.Min(window.FileLength - position, int.MaxValue);
        var reader = new PickleReader(window, position, length, budget, objects);
        PickleValue value = reader.Read();
        position += reader.Position;
        return value;
    }

    private static Dictionary<string, long> LocateStorages(
        WeightsFile file, FileWindow window, TorchObjects objects, List<PickleValue> keys, long position)
    {
        var offsets = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (PickleValue key in keys)
        {
            if (key is not PickleText(var name) || !objects.Storages.TryGetValue(name, out StorageReference? storage))
                throw Damaged(file, "it lists a storage that no tensor uses");
            if (file.Length - position < sizeof(long))
                throw Damaged(file, $"it ends before storage {FileText.Clean(name)}; the file may be cut off");
            long count = BinaryPrimitives.ReadInt64LittleEndian(window.Bytes(position, sizeof(long)));
            if (count != storage.Count)
                throw Damaged(file, $"storage {FileText.Clean(name)} has {count} elements, but {storage.Count} were announced");
            position += sizeof(long);
            long bytes = count * storage.DataType.Size();
            if (bytes > file.Length - position)
                throw Damaged(file, $"it ends inside storage {FileText.Clean(name)}; the file may be cut off");
            if (!offsets.TryAdd(name, position)) throw Damaged(file, $"storage {FileText.Clean(name)} is listed twice");
            position += bytes;
        }
        return offsets;
    }

    private static WeightsException Damaged(WeightsFile file, string what) => new($"{file.Path}: damaged .pth file (stream): {what}.");
}
