using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>The items of a list are counted in one reading and stored in a second one; a file may change between them.</summary>
[TestClass]
public sealed class OnnxChangingFileTests : IDisposable
{
    private const int Items = 3000;
    private const int Rounds = 100;

    private readonly WeightsFolder folder = new(inMemory: true);

    public void Dispose() => folder.Dispose();

    /// <summary>A thread writes two models of one length in turns, whose lists differ in the number of their items.</summary>
    [TestMethod]
    public async Task Lists_that_change_between_two_readings_are_refused()
    {
        byte[][] models = [Model(hasAll: true), Model(hasAll: false)];
        Assert.HasCount(models[0].Length, models[1]);
        string path = folder.Write("changing.onnx", models[0]);
        foreach (byte[] model in models)
        {
            File.WriteAllBytes(path, model);
            Parse(path);
        }
        using var stop = new CancellationTokenSource();
        Task writer = Task.Run(() =>
        {
            using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            for (int i = 0; !stop.IsCancellationRequested; i++) RandomAccess.Write(file.SafeFileHandle, models[i & 1], 0);
        });
        int refused = 0;
        for (int i = 0; i < Rounds; i++)
        {
            try
            {
                Parse(path);
            }
            catch (WeightsException)
            {
                refused++;
            }
        }
        await stop.CancelAsync();
        await writer;
        Assert.IsGreaterThan(0, refused);
    }

    /// <summary>Parses without the last check of the file's time, which a clock may be too coarse for.</summary>
    private static void Parse(string path)
    {
        using WeightsFile file = WeightsFile.Open(path);
        using WeightsFile.Lease lease = file.Borrow();
        var message = new ProtoReader(
            new FileWindow(lease, new ReadBudget(path, file.Length)), 0, (int)file.Length, "ModelProto", new ReadBudget(path, file.Length));
        OnnxModelReader.Read(message, new OnnxTensorReader(file, external: null));
    }

    private static byte[] Model(bool hasAll)
    {
        // Every second item belongs to a field that the reader skips, or two digits are one number.
        byte[] varints = [.. Enumerable.Range(0, Items).Select(i => (byte)(!hasAll && i % 2 == 0 ? 0x81 : 1))];
        byte[] ints = [.. Field(1, "i"u8), .. Type(OnnxAttributeType.Ints), .. Field(8, varints)];
        byte[] floats = [.. Field(1, "f"u8), .. Type(OnnxAttributeType.Floats), .. List(7, 15, [0, 0, 0, 0])];
        byte[] strings = [.. Field(1, "s"u8), .. Type(OnnxAttributeType.Strings), .. List(9, 15, "x"u8.ToArray())];
        byte[] node =
        [
            .. List(1, 2, "x"u8.ToArray()), .. Field(4, "Identity"u8), .. Field(5, ints), .. Field(5, floats), .. Field(5, strings),
        ];
        byte[] dims = hasAll ? [0x08, Items & 0x7F | 0x80, Items >> 7] : [0x08, Items / 2 & 0x7F | 0x80, Items / 2 >> 7];
        byte[] tensor = [.. dims, 0x10, (byte)OnnxElementType.FromDataType(DataType.Int32), .. Field(5, varints)];
        byte[] graph = [.. Field(1, node), .. Field(5, tensor), .. List(11, 13, [])];
        return [0x08, 8, .. Field(7, graph)];

        byte[] List(int field, int other, byte[] item) =>
            [.. Enumerable.Range(0, Items).SelectMany(i => Field(!hasAll && i % 2 == 0 ? other : field, item))];
    }

    private static byte[] Type(OnnxAttributeType type) => [0xA0, 1, (byte)type];

    private static byte[] Field(int number, ReadOnlySpan<byte> content)
    {
        var bytes = new List<byte> { (byte)(number << 3 | 2) };
        for (int length = content.Length; ; length >>= 7)
        {
            bytes.Add((byte)(length < 0x80 ? length : length & 0x7F | 0x80));
            if (length < 0x80) break;
        }
        return [.. bytes, .. content];
    }
}
