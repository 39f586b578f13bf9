using System.Text.Json;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Tests;

/// <summary><c>classify --heatmap</c> as its user meets it.</summary>
[TestClass]
public sealed class HeatmapCommandTests : CommandLineFixture
{
    private string Output => InFolder("out.png");

    [TestMethod]
    public async Task A_picture_is_written_and_the_answers_stay_the_same()
    {
        CommandLineResult plain = await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--json", "--top", "3");
        CommandLineResult result =
            await Run("classify", Photo, "--weights", Weights, "--device", "cpu", "--json", "--top", "3", "--heatmap", Output);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        Assert.AreEqual(plain.Output, result.Output);
        PixelBuffer picture = ImageFile.Load(Output), photo = ImageFile.Load(Photo);
        Assert.IsGreaterThan(5 * photo.Width, picture.Width);
    }

    [TestMethod]
    public async Task A_class_is_chosen_by_name_or_by_index()
    {
        string names = Write("names.txt", "apple\nboat\ncrane\ndog\ncrane\nfox\n7\nhat\nice\njug\n"u8);
        string[] line = ["classify", Photo, "--weights", Weights, "--labels", names, "--device", "cpu", "--heatmap", Output];
        byte[] dog = await Picture("dog"), third = await Picture("3"), boat = await Picture("BOAT"), named7 = await Picture("7"),
            sixth = await Picture("6");
        CollectionAssert.AreEqual(dog, third);
        CollectionAssert.AreEqual(sixth, named7, "a name comes before an index");
        CollectionAssert.AreNotEqual(dog, boat);
        AssertFails(await Run([.. line, "--class", "crane"]), "classes 2 and 4 are called 'crane'; give --class the index");
        AssertFails(
            await Run([.. line, "--class", "cat"]), "has no class 'cat'; give --class an index from 0 to 9, or a name, such as 'apple'");
        AssertFails(await Run([.. line, "--class", "10"]), "has no class '10'");

        async Task<byte[]> Picture(string chosen)
        {
            CommandLineResult result = await Run([.. line, "--class", chosen]);
            Assert.AreEqual(0, result.ExitCode, result.Error);
            return File.ReadAllBytes(Output);
        }
    }

    [TestMethod]
    public async Task A_folder_has_a_picture_for_each_file_and_a_bad_file_does_not_stop_the_others()
    {
        string photos = Directory.CreateDirectory(InFolder("photos")).FullName, maps = InFolder("maps");
        File.Copy(Photo, Path.Combine(photos, "a.jpg"));
        File.WriteAllText(Path.Combine(photos, "b.jpg"), "not a picture");
        File.Copy(Photo, Path.Combine(photos, "c.jpg"));
        CommandLineResult result = await Run("classify", photos, "--weights", Weights, "--device", "cpu", "--json", "--heatmap", maps);
        Assert.AreEqual(Program.Failure, result.ExitCode);
        AssertOneLine(result.Error, "b.jpg");
        Assert.AreEqual(3, JsonDocument.Parse(result.Output).RootElement.GetArrayLength());
        CollectionAssert.AreEqual(
            new[] { "a-heatmap.png", "c-heatmap.png" }, Directory.GetFiles(maps).Select(Path.GetFileName).Order().ToArray());
        AssertFails(await Run("classify", photos, "--weights", Weights, "--device", "cpu", "--heatmap", Output),
            "3 images need a folder, but this is one file");
    }

    [TestMethod]
    public async Task Nothing_is_written_over_a_picture_that_is_read_or_was_written()
    {
        string photo = InFolder("photo.png"), folder = Directory.CreateDirectory(InFolder("more")).FullName,
            twin = Path.Combine(folder, "photo.jpg");
        ImageFile.SavePng(ImageFile.Load(Photo), photo);
        File.Copy(Photo, twin);
        byte[] before = File.ReadAllBytes(photo);
        AssertFails(await Run("classify", photo, "--weights", Weights, "--device", "cpu", "--heatmap", photo),
            "would be written over another image");
        AssertFails(await Run("classify", photo, twin, "--weights", Weights, "--device", "cpu", "--heatmap", InFolder("maps")),
            "would be written over another image");
        CollectionAssert.AreEqual(before, File.ReadAllBytes(photo));
        Assert.IsFalse(Directory.Exists(InFolder("maps")));
    }

    [TestMethod]
    public async Task What_cannot_be_done_is_one_line()
    {
        string[] line = ["classify", Photo, "--weights", Weights, "--device", "cpu"];
        AssertFails(await Run([.. line, "--heatmap", InFolder("out.jpg")]), "out.jpg: heat maps are written as .png");
        AssertFails(await Run([.. line, "--heatmap", Path.Combine(Folder, "no", "out.png")]),
            "the heat map cannot be written: its folder does not exist");
        AssertFails(await Run([.. line, "--heatmap", Path.Combine(Weights, "maps")]), "the folder cannot be made");
        CommandLineResult alone = await Run([.. line, "--class", "3"]);
        Assert.AreEqual(Program.WrongUsage, alone.ExitCode);
        AssertOneLine(alone.Error, "--class chooses what --heatmap shows; give that too");
        CommandLineResult empty = await Run([.. line, "--heatmap", ""]);
        Assert.AreEqual(Program.WrongUsage, empty.ExitCode);
        AssertOneLine(empty.Error, "--heatmap must be a path");
    }
}
