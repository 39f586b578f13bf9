using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Files that are read and written: nothing but the named file changes, and inputs that are no files are refused.</summary>
[TestClass]
public sealed class FileSafetyTests
{
    private static readonly NpyArray Array = new([2, 3], [1, 2, 3, 4, 5, 6]);

    private string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("ilgpu-resnet-tests-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void Saving_touches_no_other_file()
    {
        File.WriteAllText(InFolder("a.npy.partial"), "the user's own");
        File.WriteAllText(InFolder("a.npy"), "old");
        Array.Save(InFolder("a.npy"));
        CollectionAssert.AreEqual(Array.Values, NpyArray.Load(InFolder("a.npy")).Values);
        Assert.AreEqual("the user's own", File.ReadAllText(InFolder("a.npy.partial")));
        Assert.HasCount(2, Directory.GetFiles(folder));
    }

    [TestMethod]
    public void A_failed_write_leaves_the_old_file_and_nothing_beside_it()
    {
        string path = InFolder("a");
        File.WriteAllText(path, "old");
        Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("No space left on device : '/elsewhere'");
        }));
        Assert.AreEqual("old", File.ReadAllText(path));
        Assert.HasCount(1, Directory.GetFiles(folder));
    }

    /// <summary>A dialog that asks where to save makes an empty file first.</summary>
    [TestMethod]
    public void An_empty_file_stays_empty_when_the_writing_fails()
    {
        string path = InFolder("a");
        File.WriteAllBytes(path, []);
        Assert.ThrowsExactly<IOException>(() => AtomicFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new IOException("No space left on device : '/elsewhere'");
        }));
        Assert.AreEqual(0, new FileInfo(path).Length);
        Assert.HasCount(1, Directory.GetFiles(folder));
    }

    [TestMethod]
    public void A_link_stays_a_link_and_its_target_is_replaced()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("links need a privilege on Windows");
        string link = InFolder("link.npy"), dangling = InFolder("dangling.npy");
        File.WriteAllText(InFolder("target.npy"), "old");
        File.CreateSymbolicLink(link, "target.npy");
        File.CreateSymbolicLink(dangling, "new.npy");
        Array.Save(link);
        Array.Save(dangling);
        Assert.AreEqual("target.npy", new FileInfo(link).LinkTarget);
        Assert.AreEqual("new.npy", new FileInfo(dangling).LinkTarget);
        CollectionAssert.AreEqual(Array.Values, NpyArray.Load(InFolder("target.npy")).Values);
        CollectionAssert.AreEqual(Array.Values, NpyArray.Load(InFolder("new.npy")).Values);
    }

    [TestMethod]
    public void Devices_are_written_and_never_replaced()
    {
        if (!OperatingSystem.IsLinux()) Assert.Inconclusive("Linux only");
        string link = InFolder("null");
        File.CreateSymbolicLink(link, "/dev/null");
        Array.Save(link);
        Assert.AreEqual("/dev/null", new FileInfo(link).LinkTarget);
        Assert.AreEqual(0, new FileInfo("/dev/null").Length);
        string full = InFolder("full");
        File.CreateSymbolicLink(full, "/dev/full");
        StringAssert.Contains(
            Assert.ThrowsExactly<ResNetException>(() => Array.Save(full)).Message, $"{full}: the array cannot be written: No space left");
        Assert.AreEqual("/dev/full", new FileInfo(full).LinkTarget);
    }

    [TestMethod]
    [DataRow("", "the path is empty")]
    [DataRow(".", "it is a folder")]
    [DataRow("no/a.npy", "its folder does not exist")]
    public void Places_that_cannot_be_written_are_named_as_given(string name, string reason)
    {
        string path = name.Length == 0 ? "" : InFolder(name);
        Assert.AreEqual(
            $"{path}: the array cannot be written: {reason}.", Assert.ThrowsExactly<ResNetException>(() => Array.Save(path)).Message);
        Assert.IsEmpty(Directory.GetFiles(folder));
    }

    [TestMethod]
    public void Inputs_that_are_no_files_are_refused_unopened()
    {
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => NpyArray.Load(folder)).Message,
            $"{folder}: the array cannot be read: it is a folder");
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(folder)).Message, "it is a folder");
        StringAssert.Contains(
            Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(InFolder("none"))).Message, "there is no such file");
        if (!OperatingSystem.IsLinux()) return;
        string link = InFolder("zero");
        File.CreateSymbolicLink(link, "/dev/zero");
        foreach (string path in new[] { "/dev/zero", link })
        {
            StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => NpyArray.Load(path)).Message, "no regular file");
            StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(path)).Message, "no regular file");
        }
    }

    [TestMethod]
    public void A_shape_with_a_missing_comma_is_damaged()
    {
        string path = InFolder("a.npy");
        Array.Save(path);
        byte[] bytes = File.ReadAllBytes(path);
        int comma = bytes.AsSpan().IndexOf("2, 3"u8) + 1;
        (bytes[comma], bytes[comma + 1]) = ((byte)' ', (byte)'4');
        File.WriteAllBytes(path, bytes);
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => NpyArray.Load(path)).Message, "not a list of whole numbers");
    }

    [TestMethod]
    public void Class_names_may_end_in_blank_lines()
    {
        string path = InFolder("names.txt");
        File.WriteAllText(path, "\uFEFFa b\r\nc\n\n \n");
        CollectionAssert.AreEqual(new[] { "a b", "c" }, ClassLabels.Load(path).ToArray());
    }

    [TestMethod]
    [DataRow(new byte[] { (byte)'a', 10, 10, (byte)'b' }, "line 2 is blank")]
    [DataRow(new byte[] { 10, 32, 10 }, "holds no class names")]
    [DataRow(new byte[] { (byte)'a', 0xFF, 10 }, "not UTF-8")]
    public void Damaged_class_names_are_refused(byte[] text, string message)
    {
        string path = InFolder("names.txt");
        File.WriteAllBytes(path, text);
        StringAssert.StartsWith(Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(path)).Message, $"{path}: ");
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(path)).Message, message);
    }

    [TestMethod]
    public void A_file_far_too_long_for_names_is_refused_unread()
    {
        string path = InFolder("names.txt");
        using (FileStream file = File.Create(path)) file.SetLength((16 << 20) + 1);
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(path)).Message, "at most");
    }

    private string InFolder(string name) => Path.Combine(folder, name);
}
