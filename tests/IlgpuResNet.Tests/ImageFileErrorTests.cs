using System.Buffers.Binary;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Tests;

/// <summary>Bad image files: each gives one line that names the file, and none is waited for or allocated for.</summary>
[TestClass]
public sealed class ImageFileErrorTests
{
    private static string Files { get; } = Path.Combine(ImagingData.Folder, "files");

    private static string Scratch { get; } = Path.Combine(Path.GetTempPath(), $"ilgpu-resnet-tests-{Environment.ProcessId}");

    [TestInitialize]
    public void CreateScratch() => Directory.CreateDirectory(Scratch);

    [TestCleanup]
    public void DeleteScratch() => Directory.Delete(Scratch, recursive: true);

    [TestMethod]
    public void Missing_file_is_named() => AssertFails(Path.Combine(Scratch, "missing.jpg"), "no such file");

    [TestMethod]
    public void Empty_file_is_named() => AssertFails(Write("empty.jpg", []), "empty");

    [TestMethod]
    public void Folder_is_named() => AssertFails(Scratch, "folder");

    [TestMethod]
    public void Empty_path_is_refused() => Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(""));

    [TestMethod]
    public void Text_file_is_not_an_image() => AssertFails(Write("text.jpg", "This is not a picture.\n"u8), "not an image");

    [TestMethod]
    public void Device_without_end_is_not_read()
    {
        if (!File.Exists("/dev/zero")) Assert.Inconclusive("Only Unix has /dev/zero.");
        AssertFails("/dev/zero", "empty");
    }

    [TestMethod]
    [DataRow("baseline-q75.jpg")]
    [DataRow("progressive.jpg")]
    [DataRow("gray.jpg")]
    [DataRow("rgb.png")]
    [DataRow("palette.png")]
    [DataRow("lossy.webp")]
    [DataRow("lossless.webp")]
    [DataRow("rgb.bmp")]
    [DataRow("still.gif")]
    public void File_cut_short_anywhere_is_an_error(string name)
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Files, name));
        foreach (double part in new[] { 0.02, 0.3, 0.5, 0.7, 0.9 })
        {
            string path = Write($"cut-{part}-{name}", whole.AsSpan(0, (int)(whole.Length * part)));
            AssertFails(path, "");
        }
    }

    [TestMethod]
    public void Jpeg_cut_short_says_so()
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Files, "baseline-q100.jpg"));
        AssertFails(Write("half.jpg", whole.AsSpan(0, whole.Length / 2)), "cut short");
    }

    [TestMethod]
    [DataRow(40000, 40000)]
    [DataRow(16000, 16000)]
    [DataRow(65535, 1000)]
    public void Header_that_claims_too_much_is_refused_before_memory_is_taken(int width, int height)
    {
        byte[] png = File.ReadAllBytes(Path.Combine(Files, "rgb.png"));
        const int sizeInHeader = 16, headerChunk = 12, headerLength = 17;
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(sizeInHeader), width);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(sizeInHeader + 4), height);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(headerChunk + headerLength), Crc32(png.AsSpan(headerChunk, headerLength)));
        string path = Write("huge.png", png);
        long before = GC.GetAllocatedBytesForCurrentThread();
        AssertFails(path, $"{width}x{height}");
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Damaged_bytes_never_crash()
    {
        const int seed = 20;
        var random = new Random(seed);
        foreach (string file in Directory.GetFiles(Files))
        {
            byte[] whole = File.ReadAllBytes(file);
            for (int i = 0; i < 20; i++)
            {
                byte[] damaged = [.. whole];
                for (int k = 0; k < 8; k++) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
                try
                {
                    // Some damage cannot be seen; then there must be an image of the size it says.
                    PixelBuffer image = ImageFile.Load(damaged, file);
                    Assert.AreEqual(image.Width * image.Height * 3, image.Pixels.Length, $"seed {seed}, {file}");
                }
                catch (ImageException e)
                {
                    AssertOneLine(e, file);
                }
            }
        }
    }

    [TestMethod]
    public void Unreadable_file_is_named()
    {
        string path = Write("secret.jpg", [1]);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.None);
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess) Assert.Inconclusive("This user may read every file.");
        AssertFails(path, "permission");
    }

    [TestMethod]
    public void Stream_and_bytes_without_content_are_refused()
    {
        Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(Stream.Null));
        Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(ReadOnlyMemory<byte>.Empty));
    }

    [TestMethod]
    public void Folder_lists_its_images_in_ordinal_order()
    {
        foreach (string name in new[] { "b.PNG", "a.jpg", "Z.webp", "notes.txt", "c.jpeg", "d.gif", "e.bmp", "jpg" }) Write(name, [1]);
        Directory.CreateDirectory(Path.Combine(Scratch, "sub.jpg"));
        Assert.AreEqual("Z.webp a.jpg b.PNG c.jpeg d.gif e.bmp", string.Join(' ', ImageFiles.Enumerate(Scratch).Select(Path.GetFileName)));
        string text = Path.Combine(Scratch, "notes.txt");
        Assert.AreEqual(text, ImageFiles.Enumerate(text).Single());
        Assert.ThrowsExactly<ImageException>(() => ImageFiles.Enumerate(Path.Combine(Scratch, "nowhere")));
    }

    private static string Write(string name, ReadOnlySpan<byte> data)
    {
        string path = Path.Combine(Scratch, name);
        File.WriteAllBytes(path, data);
        return path;
    }

    private static void AssertFails(string path, string part)
    {
        ImageException e = Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(path), path);
        AssertOneLine(e, path);
        StringAssert.Contains(e.Message, part);
    }

    private static void AssertOneLine(ImageException e, string path)
    {
        StringAssert.Contains(e.Message, path);
        Assert.DoesNotContain('\n', e.Message);
    }

    /// <summary>The check sum of a PNG chunk (ISO 3309).</summary>
    private static uint Crc32(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
        }
        return ~crc;
    }
}
