using System.Buffers.Binary;
using System.Text;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Zip archives made by hand: what large files look like, and what damaged ones do.</summary>
[TestClass]
public sealed class TorchZipTests : IDisposable
{
    // {"a": six floats of storage "0"}
    private const string Pickle =
        "}U\u0001actorch._utils\n_rebuild_tensor_v2\n((U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpuK\u0006"
        + "tQK\u0000K\u0006\u0085K\u0001\u0085tRs.";

    private static readonly Entry Structure = new("x/data.pkl", Encoding.Latin1.GetBytes(Pickle));
    private static readonly Entry Data = new("x/data/0", new byte[24]);

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Reads_entries_with_fields_of_32_and_64_bits(bool zip64)
    {
        byte[] data = new byte[24];
        BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(20), 2.5f);
        string path = folder.Write("x.pth",
            Zip([Structure with { Zip64 = zip64 }, Data with { Content = data, Zip64 = zip64 }, new("x/byteorder", "little"u8.ToArray())]));
        using StateDict weights = StateDict.Load(path);
        Assert.AreEqual("0, 0, 0, 0, 0, 2.5", string.Join(", ", weights["a"].ToArray()));
    }

    [TestMethod]
    public void Refuses_what_does_not_fit()
    {
        Refused([Data], "has no data.pkl");
        Refused([Structure, Data, Structure with { Name = "y/data.pkl" }], "has more than one data.pkl");
        Refused([Structure], "storage 0 is missing");
        Refused([Structure, Data with { Content = new byte[23] }], "storage 0 needs 24 bytes, but has 23");
        Refused([Structure, Data, Data], "entry x/data/0 occurs twice");
        Refused([Structure, Data with { Method = 8 }], "entry x/data/0 is compressed or encrypted");
        Refused([Structure with { Flags = 1 }, Data], "entry x/data.pkl is compressed or encrypted");
        Refused([Structure, Data, new("x/byteorder", "big"u8.ToArray())], "big-endian");
    }

    [TestMethod]
    public void Refuses_a_few_elements_repeated_to_gigabytes()
    {
        // A shape of [2147483647] with stride 0.
        string huge = Pickle.Replace(
            "K\u0000K\u0006\u0085K\u0001\u0085", "K\u0000J\u00ff\u00ff\u00ff\u007f\u0085K\u0000\u0085", StringComparison.Ordinal);
        Refused([Structure with { Content = Encoding.Latin1.GetBytes(huge) }, Data], "claim 2147483647 elements");
    }

    [TestMethod]
    public void Refuses_entries_outside_the_file()
    {
        Refused([Structure, Data with { Position = 1 << 30 }], "entry x/data/0 lies outside the file");
        Refused([Structure, Data with { Position = 1L << 62, Zip64 = true }], "entry x/data/0 lies outside the file");
        Refused([Structure, Data with { Position = -1, Zip64 = true }], "a zip64 field is too large");
        Refused([Structure, Data with { Position = 4 }], "entry x/data/0 has no header");
        Refused([Structure, Data with { Length = 1 << 30 }], "entry x/data/0 lies outside the file");
        Refused([Structure, Data with { Length = long.MaxValue, Zip64 = true }], "entry x/data/0 lies outside the file");
        Refused([Structure, Data with { Length = uint.MaxValue }], "a zip64 field is missing");
    }

    [TestMethod]
    public void Refuses_a_directory_that_ends_early()
    {
        byte[] zip = Zip([Structure, Data]);
        zip[^12] = 3;
        WeightsFolder.Refused(folder.Write("count.pth", zip), "its directory ends early");
        zip = Zip([Structure, Data]);
        zip[^4] = 0x40;
        WeightsFolder.Refused(folder.Write("start.pth", zip), "its directory lies outside the file");
        WeightsFolder.Refused(folder.Write("end.pth", zip.AsSpan(0, zip.Length - 22)), "its end record is missing");
    }

    private void Refused(Entry[] entries, string part) => WeightsFolder.Refused(folder.Write("x.pth", Zip(entries)), part);

    private static byte[] Zip(Entry[] entries)
    {
        var file = new MemoryStream();
        var directory = new MemoryStream();
        foreach (Entry entry in entries)
        {
            long position = entry.Position ?? file.Position;
            long length = entry.Length ?? entry.Content.Length;
            byte[] name = Encoding.UTF8.GetBytes(entry.Name);
            // As torch does, no sizes in the local header; an extra field pads the content.
            file.Write([.. "PK\u0003\u0004"u8, .. new byte[22], (byte)name.Length, 0, 3, 0, .. name, 1, 2, 3, .. entry.Content]);

            byte[] wide = entry.Zip64 ? [0x99, 0x99, 1, 0, 7, 1, 0, 24, 0, .. I64(length), .. I64(length), .. I64(position)] : [];
            byte[] length32 = entry.Zip64 ? [255, 255, 255, 255] : BitConverter.GetBytes((uint)length);
            byte[] position32 = entry.Zip64 ? [255, 255, 255, 255] : BitConverter.GetBytes((uint)position);
            directory.Write([.. "PK\u0001\u0002"u8, 0, 0, 0, 0, entry.Flags, 0, entry.Method, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                .. length32, .. length32, (byte)name.Length, 0, (byte)wide.Length, 0, .. new byte[10], .. position32, .. name, .. wide]);
        }
        byte count = (byte)entries.Length;
        uint start = (uint)file.Position;
        file.Write(directory.ToArray());
        file.Write([.. "PK\u0005\u0006"u8, 0, 0, 0, 0, count, 0, count, 0, .. BitConverter.GetBytes((uint)directory.Length),
            .. BitConverter.GetBytes(start), 0, 0]);
        return file.ToArray();
    }

    private static byte[] I64(long value) => BitConverter.GetBytes(value);

    private sealed record Entry(string Name, byte[] Content)
    {
        public bool Zip64 { get; init; }

        public byte Method { get; init; }

        public byte Flags { get; init; }

        public long? Position { get; init; }

        public long? Length { get; init; }
    }
}
