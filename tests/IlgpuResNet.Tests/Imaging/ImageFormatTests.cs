using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;

namespace IlgpuResNet.Tests;

/// <summary>Formats are told by content: those that are not read are named. PNG files are turned upright.</summary>
[TestClass]
public sealed class ImageFormatTests
{
    private static string Files { get; } = Path.Combine(ImagingData.Folder, "files");

    [TestMethod]
    [DataRow("\0\0\0\u0018ftypheic\0\0\0\0mif1heic", "is a HEIC file, which is not read; convert it to JPEG or PNG first.")]
    [DataRow("\0\0\0\u0018ftypmif1\0\0\0\0mif1heic", "is a HEIC file")]
    [DataRow("\0\0\0\u0018ftypavif\0\0\0\0mif1avif", "is an AVIF file")]
    [DataRow("\0\0\0\u0018ftypmp42\0\0\0\0", "is a video or another file of the MP4 family")]
    [DataRow("II*\0\u0008\0\0\0", "is a TIFF file")]
    [DataRow("MM\0*\0\0\0\u0008", "is a TIFF file")]
    [DataRow("\u00FF\n\u0000\u0000", "is a JPEG XL file")]
    [DataRow("\0\0\0\u000CJXL \r\n\u0087\n", "is a JPEG XL file")]
    [DataRow("\0\0\0\u000CjP  \r\n\u0087\n", "is a JPEG 2000 file")]
    [DataRow("8BPS\0\u0001", "is a Photoshop file")]
    [DataRow("%PDF-1.7\n", "is a PDF document")]
    [DataRow("\0\0\u0001\0\u0001\0", "is an icon (ICO)")]
    [DataRow("<svg xmlns=''/>", "is an SVG drawing")]
    [DataRow("version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer")]
    public void Formats_that_are_not_read_are_named(string bytes, string message) =>
        AssertRefused(Encoding.Latin1.GetBytes(bytes), message);

    [TestMethod]
    [DataRow(0xC3, 8, "is a lossless JPEG")]
    [DataRow(0xC1, 12, "is a JPEG of 12 bits a channel, of which only 8 are read")]
    [DataRow(0xC9, 8, "is a JPEG with arithmetic coding")]
    public void Kinds_of_JPEG_that_are_not_read_are_named(int marker, int precision, string message)
    {
        byte[] jpeg = File.ReadAllBytes(Path.Combine(Files, "baseline-q75.jpg"));
        int frame = jpeg.AsSpan().IndexOf((ReadOnlySpan<byte>)[0xFF, 0xC0]);
        (jpeg[frame + 1], jpeg[frame + 4]) = ((byte)marker, (byte)precision);
        AssertRefused(jpeg, message);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(5)]
    [DataRow(6)]
    [DataRow(7)]
    [DataRow(8)]
    public void Orientation_of_PNG_is_that_of_JPEG(int orientation)
    {
        byte[] png = File.ReadAllBytes(Path.Combine(Files, "rgb.png"));
        PixelBuffer stored = ImageFile.Load(png);
        foreach (bool bigEndian in new[] { false, true })
        {
            byte[] turned = WithExif(png, Exif((ushort)orientation, bigEndian));
            PixelBuffer upright = ImageFile.Load(turned), asStored = ImageFile.Load(turned, applyOrientation: false);
            CollectionAssert.AreEqual(stored.Pixels.ToArray(), asStored.Pixels.ToArray());
            for (int y = 0; y < stored.Height; y++)
                for (int x = 0; x < stored.Width; x++)
                {
                    // Where a stored pixel is shown, by the table of EXIF 2.32, 4.6.4 A.
                    (int right, int down) = (stored.Width - 1 - x, stored.Height - 1 - y);
                    (int column, int row) = orientation switch
                    {
                        1 => (x, y),
                        2 => (right, y),
                        3 => (right, down),
                        4 => (x, down),
                        5 => (y, x),
                        6 => (down, x),
                        7 => (down, right),
                        _ => (y, right),
                    };
                    Assert.AreEqual(
                        Convert.ToHexString(stored.Pixels.Span.Slice((y * stored.Width + x) * 3, 3)),
                        Convert.ToHexString(upright.Pixels.Span.Slice((row * upright.Width + column) * 3, 3)), $"{x}, {y}");
                }
        }
    }

    [TestMethod]
    public void Damaged_EXIF_data_leaves_a_PNG_as_it_is()
    {
        byte[] png = File.ReadAllBytes(Path.Combine(Files, "rgb.png")), exif = Exif(6, bigEndian: false);
        PixelBuffer stored = ImageFile.Load(png);
        var random = new Random(8);
        for (int i = 0; i < 200; i++)
        {
            byte[] damaged = exif[..random.Next(exif.Length + 1)];
            if (damaged.Length > 0 && i % 2 == 0) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            PixelBuffer image = ImageFile.Load(WithExif(png, damaged));
            Assert.AreEqual(stored.Width * stored.Height, image.Width * image.Height, $"seed 8, {i}");
        }
        foreach (ushort orientation in new ushort[] { 0, 9, 65535 })
            Assert.AreEqual(stored.Width, ImageFile.Load(WithExif(png, Exif(orientation, bigEndian: false))).Width);
    }

    [TestMethod]
    [DataRow("baseline-q100.jpg")]
    [DataRow("progressive.jpg")]
    [DataRow("rgb.png")]
    public void A_truncated_image_is_taken_when_that_is_asked_for(string name)
    {
        byte[] whole = File.ReadAllBytes(Path.Combine(Files, name)), half = whole[..(whole.Length * 2 / 3)];
        Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(half));
        PixelBuffer complete = ImageFile.Load(whole), first = ImageFile.Load(half, acceptTruncated: true);
        Assert.AreEqual((complete.Width, complete.Height), (first.Width, first.Height));
        CollectionAssert.AreEqual(first.Pixels.ToArray(), ImageFile.Load(half, acceptTruncated: true).Pixels.ToArray());
        if (name == "progressive.jpg") return;
        int row = complete.Width * 3;
        CollectionAssert.AreEqual(complete.Pixels[..row].ToArray(), first.Pixels[..row].ToArray(), "the first row is there");
        CollectionAssert.AreNotEqual(complete.Pixels[^row..].ToArray(), first.Pixels[^row..].ToArray(), "the last row is not");
        CollectionAssert.AreEqual(complete.Pixels.ToArray(), ImageFile.Load(whole, acceptTruncated: true).Pixels.ToArray());
    }

    private static void AssertRefused(byte[] data, string message)
    {
        ImageException e = Assert.ThrowsExactly<ImageException>(() => ImageFile.Load(data, "a.jpg"));
        StringAssert.StartsWith(e.Message, $"a.jpg: {message}");
        Assert.DoesNotContain('\n', e.Message);
    }

    /// <summary>A PNG file with one more chunk after its header.</summary>
    private static byte[] WithExif(byte[] png, byte[] exif)
    {
        const int afterHeader = 8 + 25;
        byte[] chunk = [0, 0, 0, 0, .. "eXIf"u8, .. exif, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(chunk, exif.Length);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Crc32.HashToUInt32(chunk.AsSpan(4, exif.Length + 4)));
        return [.. png[..afterHeader], .. chunk, .. png[afterHeader..]];
    }

    /// <summary>EXIF data with two tags, of which the second is the orientation.</summary>
    private static byte[] Exif(ushort orientation, bool bigEndian)
    {
        byte[] tiff = [.. bigEndian ? "MM"u8 : "II"u8, .. Short(42), .. Long(8), .. Short(2),
            .. Short(0x0100), .. Short(4), .. Long(1), .. Long(7),
            .. Short(0x0112), .. Short(3), .. Long(1), .. Short(orientation), .. Short(0), .. Long(0)];
        return tiff;

        byte[] Short(ushort value) => bigEndian ? [(byte)(value >> 8), (byte)value] : [(byte)value, (byte)(value >> 8)];
        byte[] Long(ushort value) => bigEndian ? [0, 0, .. Short(value)] : [.. Short(value), 0, 0];
    }
}
