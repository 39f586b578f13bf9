using System.IO.Compression;
using System.Text;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Tests;

/// <summary>Class names that a training script saved beside its network.</summary>
[TestClass]
public sealed class TorchClassNamesTests : IDisposable
{
    private const string Usual = "class 0|class 1|class 2";

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet18 with { StemWidth = 4, BaseWidth = 4, NumClasses = 3 };

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("classes", "a,b,c", "a|b|c")]
    [DataRow("class_names", "a,b,c", "a|b|c")]
    [DataRow("class_to_idx", "c:2,a:0,b:1", "a|b|c")]
    [DataRow("idx_to_class", "1:b,0:a,2:c", "a|b|c")]
    [DataRow("classes", "a,b", Usual)]
    [DataRow("classes", "a, ,c", Usual)]
    [DataRow("class_to_idx", "a:0,b:1,c:1", Usual)]
    [DataRow("class_to_idx", "a:0,b:1,c:3", Usual)]
    [DataRow("other", "a,b,c", Usual)]
    public void Names_are_those_of_the_checkpoint(string key, string names, string expected)
    {
        string path = Checkpoint(key, names);
        using Model model = Model.Load(path);
        Assert.AreEqual(expected, string.Join('|', model.ClassNames));
    }

    [TestMethod]
    public void Conversion_keeps_the_names()
    {
        string path = folder.PathOf("copy.safetensors");
        Assert.IsEmpty(WeightsConverter.Convert(Checkpoint("class_to_idx", "b:1,a:0,c:2"), path));
        using Model model = Model.Load(path);
        Assert.AreEqual("a|b|c", string.Join('|', model.ClassNames));
        Assert.AreEqual("classes preset variant", string.Join(' ', model.Weights.Metadata.Keys.Order(StringComparer.Ordinal)));
    }

    /// <summary>A file of torch.save with a dict of the network's state dict and of the names.</summary>
    private string Checkpoint(string key, string names)
    {
        string plain = folder.PathOf("plain.pth"), path = folder.PathOf("checkpoint.pth");
        using (ResNet model = ResNet.Create(Thin, 7)) TorchZipWriter.Write(model.Weights, plain);
        using ZipArchive source = ZipFile.OpenRead(plain);
        using ZipArchive target = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (ZipArchiveEntry entry in source.Entries)
        {
            using var content = new MemoryStream();
            using (Stream stream = entry.Open()) stream.CopyTo(content);
            byte[] bytes = content.ToArray();
            if (entry.FullName.EndsWith("data.pkl", StringComparison.Ordinal))
            {
                // Opcodes of protocol 2: EMPTY_DICT, MARK, the items, SETITEMS, STOP. The state dict loses its PROTO and STOP.
                bytes = [0x80, 2, (byte)'}', (byte)'(', .. Text("state_dict"), .. bytes[2..^1], .. Text(key), .. Value(names),
                    (byte)'u', (byte)'.'];
            }
            using Stream written = target.CreateEntry(entry.FullName, CompressionLevel.NoCompression).Open();
            written.Write(bytes);
        }
        return path;
    }

    /// <summary>A list of texts, or a dict where there are colons.</summary>
    private static byte[] Value(string names)
    {
        string[] items = names.Split(',');
        return names.Contains(':', StringComparison.Ordinal)
            ? [(byte)'}', (byte)'(', .. items.SelectMany(item => item.Split(':').SelectMany(Part)), (byte)'u']
            : [(byte)']', (byte)'(', .. items.SelectMany(Text), (byte)'e'];

        static byte[] Part(string part) => byte.TryParse(part, out byte number) ? [(byte)'K', number] : Text(part);
    }

    /// <summary>BINUNICODE.</summary>
    private static byte[] Text(string text) => [(byte)'X', .. BitConverter.GetBytes(text.Length), .. Encoding.ASCII.GetBytes(text)];
}
