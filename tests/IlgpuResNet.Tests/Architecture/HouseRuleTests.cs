using System.Text.RegularExpressions;

namespace IlgpuResNet.Tests.Architecture;

/// <summary>Sizes and words that hold for every source file of the repository.</summary>
[TestClass]
public sealed partial class HouseRuleTests
{
    private const int Lines = 400, Columns = 140, FilesOfFolder = 25;

    private const string Summary = "<summary>";

    private static readonly string[] Folders = ["bench", "gpu-kernels", "samples", "src", "tests"];

    private static readonly Lazy<string[]> Files = new(() => [.. Folders.SelectMany(folder => SourceHouse.FilesOf(folder))]);

    [TestMethod]
    public void No_file_is_long_and_no_line_wide() => AssertNone(Files.Value.SelectMany(path => SizeFaults(path, ReadLines(path))));

    /// <summary>The pages besides those of <see cref="Docs.DocumentationTests"/>; a table's row cannot be broken.</summary>
    [TestMethod]
    public void No_page_is_wide() => AssertNone(
        from path in Folders.SelectMany(folder => SourceHouse.FilesOf(folder, ".md"))
        from fault in SizeFaults(path, ReadLines(path).Select(line => line.StartsWith('|') ? "" : line))
        where fault.EndsWith("columns", StringComparison.Ordinal)
        select fault);

    [TestMethod]
    public void No_folder_is_crowded() => AssertNone(CrowdedFolders(Files.Value));

    /// <summary>A reader must understand a summary alone.</summary>
    [TestMethod]
    public void Summaries_say_what_a_member_does() => AssertNone(Files.Value.SelectMany(path => SummaryFaults(path, ReadLines(path))));

    [TestMethod]
    public void Test_classes_end_in_Tests() => AssertNone(
        from type in typeof(HouseRuleTests).Assembly.GetTypes()
        where type.IsDefined(typeof(TestClassAttribute), inherit: false) && !type.Name.EndsWith("Tests", StringComparison.Ordinal)
        select type.FullName!);

    [TestMethod]
    public void Broken_rules_are_found()
    {
        Assert.IsEmpty(SizeFaults("a.cs", [new string('x', Columns)]));
        Assert.AreEqual("a.cs(2): 141 columns", SizeFaults("a.cs", ["", new string('x', Columns + 1)]).Single());
        Assert.AreEqual("a.cs: 401 lines", SizeFaults("a.cs", new string[Lines + 1].Select(_ => "")).Single());
        Assert.IsEmpty(CrowdedFolders(Enumerable.Range(0, FilesOfFolder).Select(i => $"src/{i}.cs")));
        Assert.AreEqual("src: 26 files", CrowdedFolders(Enumerable.Range(0, FilesOfFolder + 1).Select(i => $"src/{i}.cs")).Single());
        foreach (string start in (string[])["The same for two.", "What it is.", "Who asks."])
            Assert.HasCount(1, SummaryFaults("a.cs", [$"/// {Summary}{start}"]), start);
        Assert.HasCount(1, SummaryFaults("a.cs", [$"/// {Summary}", "/// What it is."]));
        string[] sound = [$"/// {Summary}Whatever the rows hold.", $"/// {Summary}", "/// Rows.", "/// What follows."];
        Assert.IsEmpty(SummaryFaults("a.cs", sound));
    }

    private static string[] ReadLines(string path) => File.ReadAllLines(Path.Combine(SourceHouse.Root, path));

    private static IEnumerable<string> SizeFaults(string path, IEnumerable<string> lines)
    {
        int count = 0;
        foreach (string line in lines)
        {
            count++;
            // An address cannot be broken.
            if (line.Length > Columns && !line.Contains("https://", StringComparison.Ordinal)) yield return $"{path}({count}): {line.Length} columns";
        }
        if (count > Lines) yield return $"{path}: {count} lines";
    }

    private static IEnumerable<string> CrowdedFolders(IEnumerable<string> files) =>
        from path in files
        group path by Path.GetDirectoryName(path)!.Replace('\\', '/') into folder
        where folder.Count() > FilesOfFolder
        select $"{folder.Key}: {folder.Count()} files";

    private static IEnumerable<string> SummaryFaults(string path, IEnumerable<string> lines)
    {
        string before = "";
        int number = 0;
        foreach (string line in lines)
        {
            number++;
            bool begins = before.EndsWith(Summary, StringComparison.Ordinal);
            if (BadSummary().IsMatch(line) || (begins && BadLine().IsMatch(line))) yield return $"{path}({number}): {line.Trim()}";
            before = line.TrimEnd();
        }
    }

    private static void AssertNone(IEnumerable<string> faults)
    {
        string[] all = [.. faults];
        Assert.IsEmpty(all, string.Join('\n', all));
    }

    [GeneratedRegex(@"<summary>(The same|What|Who)\b")]
    private static partial Regex BadSummary();

    [GeneratedRegex(@"^\s*/// (The same|What|Who)\b")]
    private static partial Regex BadLine();
}
