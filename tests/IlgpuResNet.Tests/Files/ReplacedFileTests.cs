using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using IlgpuResNet.Files;

namespace IlgpuResNet.Tests;

/// <summary>
/// A file that is replaced keeps its rights; the file that is written meanwhile is removed, also after its process was killed.
/// </summary>
[TestClass]
public sealed partial class ReplacedFileTests
{
    private const string Abandoned = "ilgpu-resnet-0123456789abcdef.part";
    private const string AccessList = "system.posix_acl_access";

    private string folder = "";

    [TestInitialize]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("ilgpu-resnet-tests-").FullName;

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    /// <summary>A dialog that asks where to save makes an empty file first; a process that is killed must not leave it half full.</summary>
    [TestMethod]
    public void An_empty_file_is_empty_until_the_new_one_is_complete()
    {
        string path = InFolder("a");
        File.WriteAllBytes(path, []);
        AtomicFile.Write(path, stream =>
        {
            stream.Write("half"u8);
            stream.Flush(flushToDisk: true);
            Assert.AreEqual(0, new FileInfo(path).Length);
            Assert.HasCount(2, Directory.GetFiles(folder));
            stream.Write("full"u8);
        });
        Assert.AreEqual("halffull", File.ReadAllText(path));
        Assert.HasCount(1, Directory.GetFiles(folder));
    }

    [TestMethod]
    [DataRow(0x180, DisplayName = "600")]
    [DataRow(0x1A0, DisplayName = "640")]
    [DataRow(0x1B6, DisplayName = "666")]
    [DataRow(0x1ED, DisplayName = "755")]
    [DataRow(0x124, DisplayName = "444")]
    public void The_mode_stays(int mode)
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Unix only");
            return;
        }
        foreach (string content in new[] { "old", "" })
        {
            string path = InFolder("a" + content);
            File.WriteAllText(path, content);
            File.SetUnixFileMode(path, (UnixFileMode)mode);
            AtomicFile.Write(path, stream =>
            {
                stream.Write("new"u8);
                UnixFileMode during = OperatingSystem.IsWindows() ? 0 : File.GetUnixFileMode(stream.SafeFileHandle);
                Assert.AreEqual(UnixFileMode.UserRead | UnixFileMode.UserWrite, during);
            });
            Assert.AreEqual((UnixFileMode)mode, File.GetUnixFileMode(path));
            Assert.AreEqual("new", File.ReadAllText(path));
        }
    }

    [TestMethod]
    public void A_new_file_has_the_mode_of_any_new_file()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Inconclusive("Unix only");
            return;
        }
        File.WriteAllText(InFolder("usual"), "");
        AtomicFile.Write(InFolder("new"), stream => stream.WriteByte(1));
        Assert.AreEqual(File.GetUnixFileMode(InFolder("usual")), File.GetUnixFileMode(InFolder("new")));
    }

    [TestMethod]
    public void The_owner_stays()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root") Assert.Inconclusive("only root gives files away");
        string path = InFolder("a");
        File.WriteAllText(path, "old");
        Output("chown", "1234:2345", path);
        AtomicFile.Write(path, stream => stream.WriteByte(1));
        Assert.AreEqual("1234:2345", Output("stat", "-c", "%u:%g", path).Trim());
    }

    [TestMethod]
    public void The_access_list_stays()
    {
        if (!OperatingSystem.IsLinux()) Assert.Inconclusive("Linux only");
        string path = InFolder("a");
        File.WriteAllText(path, "old");
        byte[] list = MakeAccessList();
        if (SetAttribute(path, AccessList, list, (nuint)list.Length, 0) != 0) Assert.Inconclusive("the file system has no access lists");
        AtomicFile.Write(path, stream => stream.WriteByte(1));
        byte[] found = new byte[100];
        nint length = Attribute(path, AccessList, found, (nuint)found.Length);
        CollectionAssert.AreEqual(list, found[..(int)length]);
    }

    [TestMethod]
    public void What_a_killed_process_left_is_deleted_and_nothing_else()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("Windows waits a minute");
        string[] others = ["ilgpu-resnet-notes.part", "ilgpu-resnet-0123456789abcdeX.part", "a.part"];
        foreach (string name in others) File.WriteAllText(InFolder(name), "the user's own");
        string link = Abandoned.Replace('0', 'f'), held = Abandoned.Replace('0', 'e');
        File.CreateSymbolicLink(InFolder(link), "a.part");
        File.WriteAllText(InFolder(Abandoned), "half");
        using (var writer = new FileStream(InFolder(held), FileMode.CreateNew, FileAccess.Write, FileShare.None))
            AtomicFile.Write(InFolder("a"), stream => stream.WriteByte(1));
        string[] left = [.. Directory.GetFiles(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
        string[] expected = [.. others, link, held, "a"];
        CollectionAssert.AreEqual(expected.Order(StringComparer.Ordinal).ToArray(), left);
    }

    [TestMethod]
    public void Threads_that_write_to_one_folder_lose_no_file()
    {
        Parallel.For(0, 200, i => AtomicFile.Write(InFolder($"{i % 20}"), stream => stream.Write(new byte[1000 + i % 20])));
        Assert.HasCount(20, Directory.GetFiles(folder));
        for (int i = 0; i < 20; i++) Assert.AreEqual(1000 + i, new FileInfo(InFolder($"{i}")).Length);
    }

    [TestMethod]
    public void Only_the_named_one_of_two_hard_links_is_replaced()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("Unix only");
        File.WriteAllText(InFolder("a"), "old");
        Output("ln", InFolder("a"), InFolder("b"));
        AtomicFile.Write(InFolder("a"), stream => stream.Write("new"u8));
        Assert.AreEqual("new", File.ReadAllText(InFolder("a")));
        Assert.AreEqual("old", File.ReadAllText(InFolder("b")));
    }

    [TestMethod]
    public async Task A_pipe_is_written_in_place()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("Unix only");
        string pipe = InFolder("pipe");
        Output("mkfifo", pipe);
        Task<string> reader = Task.Run(() => Output("cat", pipe));
        AtomicFile.Write(pipe, stream => stream.Write("through"u8));
        Assert.AreEqual("through", await reader);
        Assert.HasCount(1, Directory.GetFiles(folder));
    }

    /// <summary>The list of acl(5) in its version 2: the owner, user 1234, no group, a mask, and no others.</summary>
    private static byte[] MakeAccessList()
    {
        (ushort Tag, ushort Permissions, uint Id)[] entries =
            [(1, 6, uint.MaxValue), (2, 4, 1234), (4, 0, uint.MaxValue), (16, 4, uint.MaxValue), (32, 0, uint.MaxValue)];
        byte[] list = new byte[4 + 8 * entries.Length];
        list[0] = 2;
        for (int i = 0; i < entries.Length; i++)
        {
            Span<byte> entry = list.AsSpan(4 + 8 * i, 8);
            BinaryPrimitives.WriteUInt16LittleEndian(entry, entries[i].Tag);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[2..], entries[i].Permissions);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], entries[i].Id);
        }
        return list;
    }

    private static string Output(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, program);
        return output;
    }

    private string InFolder(string name) => Path.Combine(folder, name);

    [LibraryImport("libc", EntryPoint = "setxattr", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAttribute(string path, string name, ReadOnlySpan<byte> value, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "getxattr", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Attribute(string path, string name, Span<byte> value, nuint length);
}
