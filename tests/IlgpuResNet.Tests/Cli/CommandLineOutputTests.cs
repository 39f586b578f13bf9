using System.Text.Json;
using IlgpuResNet.Cli;
using IlgpuResNet.Cli.Similarity;

namespace IlgpuResNet.Tests;

/// <summary>The tool writes over nothing that it reads, and says before the work which file cannot be written.</summary>
[TestClass]
public sealed class CommandLineOutputTests : CommandLineFixture
{
    [TestMethod]
    public async Task Nothing_that_a_command_reads_is_written_over()
    {
        string photo = InFolder("photo.npy"), pictures = Directory.CreateDirectory(InFolder("pictures")).FullName;
        File.Copy(Photo, photo);
        File.Copy(Photo, Path.Combine(pictures, "a.jpg"));
        byte[] weights = File.ReadAllBytes(Weights);
        AssertFails(await Run("embed", Photo, "-w", Weights, "-d", "cpu", "-o", Weights), $"{Weights}: is an input too");
        AssertFails(await Run("run", Weights, "-i", "x.npy", "-d", "cpu", "-o", Weights), $"{Weights}: is an input too");
        AssertFails(await Run("prepare", photo, "-w", Weights, "-d", "cpu", "-o", photo), $"{photo}: is an input too");
        AssertFails(await Run("similar", Photo, pictures, "-w", Weights, "-d", "cpu", "--index", Weights), $"{Weights}: holds ");
        CollectionAssert.AreEqual(weights, File.ReadAllBytes(Weights));
        CollectionAssert.AreEqual(File.ReadAllBytes(Photo), File.ReadAllBytes(photo));
        CommandLineResult otherName =
            await Run("similar", Photo, pictures, "-w", Weights, "-d", "cpu", "--index", Path.Combine(pictures, "a.jpg"));
        Assert.AreEqual(Program.WrongUsage, otherName.ExitCode);
        AssertOneLine(otherName.Error, "--index must end in .safetensors");
    }

    /// <summary>The weights do not exist: a message about them would show that the work had begun.</summary>
    [TestMethod]
    public async Task A_folder_that_is_missing_is_told_before_the_work()
    {
        string weights = InFolder("none.pth");
        AssertFails(await Run("embed", Photo, "-w", weights, "-d", "cpu", "-o", Missing("f.npy")), "its folder does not exist");
        AssertFails(await Run("run", weights, "-i", "x.npy", "-d", "cpu", "-o", Missing("y.npy")), "its folder does not exist");
        AssertFails(await Run("prepare", Photo, "-w", weights, "-d", "cpu", "-o", Missing("x.npy")), "its folder does not exist");
        AssertFails(await Run("info", "-w", weights, "-d", "cpu", "--plot", Missing("p.svg")), "its folder does not exist");
        AssertFails(await Run("classify", Photo, "-w", weights, "-d", "cpu", "--heatmap", Missing("h.png")), "its folder does not exist");

        string Missing(string name) => Path.Combine(Folder, "no", name);
    }

    [TestMethod]
    public async Task What_is_wrong_with_the_rest_of_the_line_is_told_before_a_download()
    {
        string[] line = ["classify", Photo, "-w", "resnet18", "--cache", Folder, "--offline"];
        AssertFails(await Run([.. line, "-d", "cuda:99"]), "cuda:99");
        AssertFails(await Run([.. line, "-d", "cpu", "--labels", InFolder("none.txt")]), "none.txt");
        AssertFails(await Run([.. line, "-d", "cpu"]), "resnet18");
    }

    [TestMethod]
    public async Task A_prepared_picture_is_written_as_npy()
    {
        CommandLineResult result = await Run("prepare", Photo, "-w", Weights, "-d", "cpu", "-o", InFolder("x.csv"));
        Assert.AreEqual(Program.WrongUsage, result.ExitCode);
        AssertOneLine(result.Error, "--output writes .npy files");
    }

    [TestMethod]
    public async Task A_heat_map_that_cannot_be_written_is_its_pictures_error()
    {
        // With its end the name is longer than file systems take.
        const int LongestName = 250;
        string photos = Directory.CreateDirectory(InFolder("photos")).FullName, maps = InFolder("maps"),
            longName = new string('b', LongestName);
        foreach (string name in (string[])["a", longName, "c"]) File.Copy(Photo, Path.Combine(photos, $"{name}.jpg"));
        CommandLineResult result = await Run("classify", photos, "-w", Weights, "-d", "cpu", "--json", "--heatmap", maps);
        AssertFails(result, $"{longName}-heatmap.png: the image cannot be written");
        Assert.AreEqual(3, JsonDocument.Parse(result.Output).RootElement.GetArrayLength());
        CollectionAssert.AreEqual(
            new[] { "a-heatmap.png", "c-heatmap.png" }, Directory.GetFiles(maps).Select(Path.GetFileName).Order().ToArray());
    }

    [TestMethod]
    public async Task Similar_fails_where_no_picture_can_be_read()
    {
        string pictures = Directory.CreateDirectory(InFolder("pictures")).FullName;
        File.WriteAllText(Path.Combine(pictures, "bad.png"), "no picture");
        CommandLineResult result =
            await Run("similar", Photo, pictures, "-w", Weights, "-d", "cpu", "--index", InFolder("index.safetensors"));
        Assert.AreEqual(Program.Failure, result.ExitCode);
        StringAssert.Contains(result.Error, $"error: {pictures}: none of its 1 images could be read");
    }

    [TestMethod]
    public void A_picture_behind_a_link_changes_with_what_the_link_leads_to()
    {
        string target = Write("target.jpg", [1]), link = InFolder("link.jpg");
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("links need a privilege on Windows");
        File.CreateSymbolicLink(link, target);
        IndexedImage before = IndexedImage.Of(link);
        Assert.AreEqual("link.jpg", before.Name);
        Write("target.jpg", [1, 2]);
        Assert.AreNotEqual(before, IndexedImage.Of(link));
    }

    [TestMethod]
    public void Each_network_has_an_index_of_a_folder()
    {
        string first = FolderIndex.DefaultPath(Folder, "first");
        Assert.AreEqual(first, FolderIndex.DefaultPath(Folder + Path.DirectorySeparatorChar, "first"));
        Assert.AreNotEqual(first, FolderIndex.DefaultPath(Folder, "second"));
        Assert.AreNotEqual(first, FolderIndex.DefaultPath(InFolder("more"), "first"));
    }
}
