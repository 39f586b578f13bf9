using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;

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
    public void Null_is_refused()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => ImageFile.Load((string)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => ImageFile.Load((Stream)null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => ImageFiles.Enumerate(null!));
    }

    [TestMethod]
    public void Link_that_leads_nowhere_is_named_with_its_target()
    {
        string link = Path.Combine(Scratch, "link.jpg");
        try
        {
            File.CreateSymbolicLink(link, "gone.jpg");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Assert.Inconclusive("This user may not make links.");
        }
        AssertFails(link, "is a link to gone.jpg, and there is no such file");
        File.Copy(Path.Combine(Files, "rgb.png"), Path.Combine(Scratch, "gone.jpg"));
        Assert.AreNotEqual(0, ImageFile.Load(link).Width, "a link that leads to a file is followed");
    }

    [TestMethod]
    public void Text_file_is_not_an_image() => AssertFails(Write("text.jpg", "This is not a picture.\n"u8), "not an image");

    [TestMethod]
    public void Stream_that_is_damaged_or_cannot_be_read_is_named()
    {
        byte[] packed = [0x78, 0x9C, 0xFF, 0xFF];
        using var damaged = new ZLibStream(new MemoryStream(packed), CompressionMode.Decompress);
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(damaged)).Message, "image stream: cannot be read: ");
        using FileStream unreadable = File.OpenWrite(Path.Combine(Scratch, "written"));
        StringAssert.StartsWith(
            Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(unreadable)).Message, "image stream: cannot be read: ");
    }

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
    [DataRow(65535, 1100)]
    public void Header_that_claims_too_much_is_refused_before_memory_is_taken(int width, int height)
    {
        byte[] png = File.ReadAllBytes(Path.Combine(Files, "rgb.png"));
        const int sizeInHeader = 16, headerChunk = 12, headerLength = 17;
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(sizeInHeader), width);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(sizeInHeader + 4), height);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(headerChunk + headerLength), Crc32(png.AsSpan(headerChunk, headerLength)));
        string path = Write("huge.png", png);
        long before = GC.GetAllocatedBytesForCurrentThread();
        AssertFails(
            path, $"{width}x{height} pixels, {((long)width * height / 1e6).ToString("F1", CultureInfo.InvariantCulture)} megapixels, but ");
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>An empty page is a valid image of few bytes.</summary>
    [TestMethod]
    public void Blank_page_of_48_megapixels_and_one_bit_per_pixel_is_decoded()
    {
        const int width = 8000, height = 6000;
        string path = Write("blank.png", WhiteBitmapPng(width, height));
        Assert.IsLessThan(16_000, new FileInfo(path).Length);
        PixelBuffer page = ImageFile.Load(path);
        Assert.AreEqual((width, height), (page.Width, page.Height));
        Assert.AreEqual(-1, page.Pixels.Span.IndexOfAnyExcept(byte.MaxValue), "all is white");
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

    /// <summary>A white image as PNG with one bit of gray per pixel (PNG 1.2; every row opens with the byte of its filter, 0).</summary>
    private static byte[] WhiteBitmapPng(int width, int height)
    {
        using var rows = new MemoryStream();
        using (var deflate = new ZLibStream(rows, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            byte[] row = new byte[1 + (width + 7) / 8];
            row.AsSpan(1).Fill(byte.MaxValue);
            for (int y = 0; y < height; y++) deflate.Write(row);
        }
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        header[8] = 1;
        return [0x89, .. "PNG\r\n\x1A\n"u8, .. PngChunk("IHDR"u8, header), .. PngChunk("IDAT"u8, rows.ToArray()),
            .. PngChunk("IEND"u8, [])];
    }

    private static byte[] PngChunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        byte[] chunk = [0, 0, 0, 0, .. type, .. data, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc32(chunk.AsSpan(4, chunk.Length - 8)));
        return chunk;
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
