namespace IlgpuResNet.Tests;

/// <summary>Files that folders and patterns stand for, and the account of what is passed over.</summary>
[TestClass]
public sealed class ImageListingTests : IDisposable
{
    private static readonly byte[] Jpeg = [0xFF, 0xD8, 0xFF, 0xE0];

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ilgpu-resnet-tests-");

    public void Dispose() => folder.Delete(recursive: true);

    [TestMethod]
    public void Skipped_files_are_counted_by_kind()
    {
        Write("a.jpg", "b.jfif", "c.JPE", "d.txt", "e.txt", "f.heic", "._a.jpg", "README");
        File.WriteAllBytes(PathOf("lies.heic"), Jpeg);
        File.WriteAllBytes(PathOf("nameless"), Jpeg);
        File.WriteAllBytes(PathOf("text.md"), Jpeg);
        Write("sub/x.jpg");
        ImageFileList found = ImageFiles.List([folder.FullName]);
        Assert.AreEqual("a.jpg b.jfif c.JPE lies.heic nameless", Names(found));
        Assert.AreEqual(
            "6 files skipped: 1 .heic, 1 .md, 2 .txt, 1 of macOS (._*), 1 without extension; 1 subfolder not searched", found.ToString());
        CollectionAssert.AreEqual(found.Files.ToArray(), ImageFiles.Enumerate(folder.FullName).ToArray());
    }

    [TestMethod]
    public void Subfolders_are_searched_when_asked_for_and_links_not_followed()
    {
        Write("b.jpg", "sub/deep/a.png", "sub/c.jpg", "sub/note.txt");
        try
        {
            Directory.CreateSymbolicLink(PathOf("sub/back"), folder.FullName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Where this user may not make links there is none to follow.
        }
        ImageFileList found = ImageFiles.List([folder.FullName], recursive: true);
        Assert.AreEqual("b.jpg c.jpg a.png", Names(found));
        Assert.AreEqual("1 file skipped: 1 .txt", found.ToString());
    }

    [TestMethod]
    [DataRow("*.jpg", "a.jpg b.jpg")]
    [DataRow("?.png", "c.png")]
    [DataRow("s*/*.jpg", "d.jpg")]
    [DataRow("**/*.jpg", "a.jpg b.jpg d.jpg e.jpg")]
    [DataRow("*", "a.jpg b.jpg c.png")]
    public void Patterns_stand_for_the_files_that_fit(string pattern, string names)
    {
        Write("a.jpg", "b.jpg", "c.png", "n.txt", "sub/d.jpg", "sub/deep/e.jpg");
        Assert.AreEqual(names, Names(ImageFiles.List([Path.Combine(folder.FullName, pattern)])));
    }

    [TestMethod]
    public void A_pattern_that_fits_nothing_and_a_missing_path_are_errors()
    {
        Write("a.jpg");
        StringAssert.EndsWith(Refused("*.png"), "*.png: no file fits this pattern.");
        StringAssert.EndsWith(Refused("none/*.jpg"), "no file fits this pattern.");
        StringAssert.EndsWith(Refused("none.jpg"), "none.jpg: no such file or folder.");
        if (OperatingSystem.IsWindows()) return;
        Write("b*.jpg");
        Assert.AreEqual("b*.jpg", Names(ImageFiles.List([PathOf("b*.jpg")])), "a file with such a name is no pattern");
    }

    [TestMethod]
    public async Task Streams_may_stand_for_files()
    {
        string path = Path.Combine(ImagingData.Folder, "files", "rgb.png");
        var options = new ReadAheadOptions { Open = place => place == "entry" ? File.OpenRead(path) : null };
        var sizes = new List<string>();
        await foreach (string size in ImagePipeline.RunAsync(
            [path, "entry", "none"], 2, ComputeDevice.Get("cpu"),
            (batch, _) => Task.FromResult<string[]>([.. batch.Select(Describe)]), options))
            sizes.Add(size);
        CollectionAssert.AreEqual(new[] { "61", "61", "none: no such file." }, sizes);
    }

    private static string Describe(LoadedImage file) => file.Image is { } image ? $"{image.Width}" : file.Error!.Message;

    private static string Names(ImageFileList list) => string.Join(' ', list.Files.Select(Path.GetFileName));

    private string Refused(string pattern) =>
        Assert.ThrowsExactly<ImageException>(() => ImageFiles.List([Path.Combine(folder.FullName, pattern)])).Message;

    private string PathOf(string name) => Path.Combine(folder.FullName, name);

    private void Write(params string[] names)
    {
        foreach (string name in names)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(PathOf(name))!);
            File.WriteAllBytes(PathOf(name), [1]);
        }
    }
}
