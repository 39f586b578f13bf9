using System.Diagnostics;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using IlgpuResNet.Cli;
using IlgpuResNet.Cli.Commands;
using IlgpuResNet.Cli.Similarity;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Features in files of several formats, folders ranked by them, and the index that keeps them.</summary>
[TestClass]
public sealed class SimilarCommandTests : CommandLineFixture
{
    private const int Seed = 7_103;
    private const string ChildIndex = nameof(ChildIndex);
    private const string ChildNetwork = "network";
    private const int ChildPictures = 500;
    private const int ChildFeatures = 2048;

    private static readonly TimeSpan ChildPatience = TimeSpan.FromSeconds(30);

    private static readonly JsonSerializerOptions SnakeCase = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public required TestContext TestContext { get; set; }

    private string Pictures => InFolder("pictures");

    private string IndexFile => InFolder("index.safetensors");

    [TestInitialize]
    public void MakePictures()
    {
        Directory.CreateDirectory(Pictures);
        foreach (string file in SmallClassifier.Photos) File.Copy(file, Path.Combine(Pictures, Path.GetFileName(file)));
        File.WriteAllText(Path.Combine(Pictures, "bad.png"), "no picture");
        File.Copy(Photo, Path.Combine(Pictures, "same.jpg"));
    }

    [TestMethod]
    public async Task Features_in_every_format_are_the_same_numbers()
    {
        string[] outputs = [InFolder("f.npy"), InFolder("f.csv"), InFolder("f.safetensors")];
        string second = SmallClassifier.Photos[0];
        CommandLineResult result = await Run(
            ["embed", Photo, second, "-w", Weights, "-d", "cpu", "--batch", "2", .. outputs.SelectMany(output => new[] { "-o", output })]);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        NpyArray expected = NpyArray.Load(outputs[0]);
        CollectionAssert.AreEqual(new[] { 2, Thin.Features }, expected.Shape);

        string[][] rows = [.. File.ReadLines(outputs[1]).Select(line => line.Split(','))];
        Assert.HasCount(3, rows);
        CollectionAssert.AreEqual(new[] { "image", Photo, second }, rows.Select(row => row[0]).ToArray());
        TestData.AssertSameBits(expected.Values,
            [.. rows.Skip(1).SelectMany(row => row.Skip(1)).Select(cell => float.Parse(cell, CultureInfo.InvariantCulture))], "csv");

        using StateDict file = StateDict.Load(outputs[2]);
        StateTensor tensor = file.Values.Single();
        CollectionAssert.AreEqual(expected.Shape, tensor.Shape.ToArray());
        TestData.AssertSameBits(expected.Values, tensor.ToArray(), "safetensors");
        CollectionAssert.AreEqual(new[] { Photo, second }, JsonSerializer.Deserialize<string[]>(file.Metadata["images"]));
    }

    [TestMethod]
    public async Task A_folder_is_ranked_by_the_cosine_of_the_features()
    {
        string features = InFolder("f.npy");
        string[] files = [.. Directory.GetFiles(Pictures, "*.jpg").Order(StringComparer.Ordinal)];
        Assert.AreEqual(0, (await Run(["embed", Photo, .. files, "-w", Weights, "-d", "cpu", "-o", features])).ExitCode);
        float[] values = NpyArray.Load(features).Values;
        double[] expected = [.. files.Select((_, i) => Naive(Row(0), Row(i + 1)))];

        SimilarImage[] ranked = await Similar(expectedWarnings: 1);
        Assert.HasCount(files.Length, ranked, "the bad picture is left out");
        Assert.AreEqual(Path.Combine(Pictures, "same.jpg"), ranked[0].Image);
        Assert.AreEqual(1, ranked[0].Similarity, TestData.Epsilon);
        for (int i = 1; i < ranked.Length; i++) Assert.IsLessThanOrEqualTo(ranked[i - 1].Similarity, ranked[i].Similarity);
        foreach (SimilarImage image in ranked)
            Assert.AreEqual(expected[Array.IndexOf(files, image.Image)], image.Similarity, TestData.Epsilon, image.Image);

        float[] Row(int i) => values[(i * Thin.Features)..((i + 1) * Thin.Features)];

        static double Naive(float[] a, float[] b) =>
            a.Zip(b, (x, y) => (double)x * y).Sum() / (Math.Sqrt(a.Sum(x => (double)x * x)) * Math.Sqrt(b.Sum(y => (double)y * y)));
    }

    /// <summary>The index is poisoned with other features under a right checksum: where they are used, the ranking shows it.</summary>
    [TestMethod]
    public async Task Known_pictures_are_taken_from_the_index_and_changed_ones_are_run_again()
    {
        SimilarImage[] honest = await Similar(expectedWarnings: 1);
        string network;
        using (Model model = Model.Load(Weights)) network = model.Fingerprint();
        IndexedImage same = IndexedImage.Of(Path.Combine(Pictures, "same.jpg"));
        FeatureIndex index = FeatureIndex.Load(IndexFile, network, Thin.Features);
        Assert.AreEqual(honest.Length, index.Count);
        index.Add(same, [.. index.Find(same)!.Select(value => -value)]);
        index.Save(IndexFile);
        Assert.AreEqual(-1, (await Similar(expectedWarnings: 1))[^1].Similarity, TestData.Epsilon, "from the index");

        File.SetLastWriteTimeUtc(Path.Combine(Pictures, "same.jpg"), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        AssertSame(honest, await Similar(expectedWarnings: 1), "run again");
        File.Delete(Path.Combine(Pictures, "same.jpg"));
        Assert.HasCount(honest.Length - 1, await Similar(expectedWarnings: 1), "forgotten");
        Assert.AreEqual(honest.Length - 1, FeatureIndex.Load(IndexFile, network, Thin.Features).Count);
        Assert.AreEqual(0, FeatureIndex.Load(IndexFile, "another network", Thin.Features).Count);
    }

    [TestMethod]
    public async Task A_damaged_index_is_made_anew_with_a_warning()
    {
        SimilarImage[] expected = await Similar(expectedWarnings: 1);
        byte[] sound = File.ReadAllBytes(IndexFile);
        var random = new Random(Seed);
        byte[][] damaged = [[], sound[..^1], sound[..(sound.Length / 2)], [.. sound.Take(sound.Length - 1), (byte)~sound[^1]],
            "no index"u8.ToArray(), Flipped(), Flipped(), Flipped()];
        for (int i = 0; i < damaged.Length; i++)
        {
            File.WriteAllBytes(IndexFile, damaged[i]);
            CommandLineResult result = await Run(Arguments());
            Assert.AreEqual(0, result.ExitCode, result.Error);
            AssertSame(expected, Parse(result), $"seed {Seed}, case {i}");
            CollectionAssert.AreEqual(sound, File.ReadAllBytes(IndexFile), $"seed {Seed}, case {i}: repaired");
        }
        Directory.Delete(Pictures, recursive: true);
        Assert.AreEqual(Program.Failure, (await Run(Arguments())).ExitCode);

        byte[] Flipped()
        {
            byte[] bytes = [.. sound];
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            return bytes;
        }
    }

    /// <summary>Lists that JSON allows under a right checksum: the warning is given once, and the next run has a sound index.</summary>
    [TestMethod]
    [DataRow("null")]
    [DataRow("[null]")]
    [DataRow("""[{"Name":null,"Bytes":1,"Time":1}]""")]
    [DataRow("[{}]")]
    [DataRow("[]")]
    [DataRow("""["a"]""")]
    [DataRow("""[{"Name":"a","Bytes":1e99,"Time":1}]""")]
    public async Task An_index_with_a_damaged_list_is_made_anew(string list)
    {
        SimilarImage[] expected = await Similar(expectedWarnings: 1);
        string network;
        using (StateDict sound = StateDict.Load(IndexFile)) network = sound.Metadata["network"];
        float[] features = new float[Thin.Features];
        var hash = new XxHash128();
        hash.Append(Encoding.UTF8.GetBytes(list));
        hash.Append(MemoryMarshal.AsBytes(features.AsSpan()));
        StateDict.Create([("features", [1, features.Length], features)]).Save(IndexFile, new Dictionary<string, string>
        {
            ["network"] = network,
            ["images"] = list,
            ["checksum"] = Convert.ToHexStringLower(hash.GetCurrentHash()),
        });
        CommandLineResult result = await Run(Arguments());
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Error, "warning: the index is made anew: ");
        AssertSame(expected, Parse(result), list);
        AssertSame(expected, await Similar(expectedWarnings: 1), "made anew");
    }

    [TestMethod]
    public async Task An_empty_index_is_sound()
    {
        string folder = Directory.CreateDirectory(InFolder("bad")).FullName, bad = Path.Combine(folder, "bad.png");
        File.Copy(Photo, bad);
        string[] line = ["similar", Photo, folder, "-w", Weights, "-d", "cpu", "--index", IndexFile];
        Assert.AreEqual(0, (await Run(line)).ExitCode);
        File.WriteAllText(bad, "no image");
        for (int i = 0; i < 2; i++)
        {
            CommandLineResult result = await Run(line);
            Assert.AreEqual(Program.Failure, result.ExitCode);
            Assert.DoesNotContain("made anew", result.Error);
        }
    }

    [TestMethod]
    public async Task An_index_that_cannot_be_written_is_a_warning()
    {
        CommandLineResult result = await Run([.. Arguments()[..^1], Path.Combine(Photo, "index.safetensors")]);
        Assert.AreEqual(0, result.ExitCode, result.Error);
        StringAssert.Contains(result.Error, "warning: the index is not kept: ");
        AssertFails(await Run("similar", "missing.jpg", Pictures, "-w", Weights, "-d", "cpu"), "missing.jpg");
    }

    private static void AssertSame(SimilarImage[] expected, SimilarImage[] actual, string message) =>
        CollectionAssert.AreEqual(expected, actual, message);

    private static SimilarImage[] Parse(CommandLineResult result) => JsonSerializer.Deserialize<SimilarImage[]>(result.Output, SnakeCase)!;

    private string[] Arguments() =>
        ["similar", Photo, Pictures, "-w", Weights, "-d", "cpu", "--json", "--top", "100", "--index", IndexFile];

    private async Task<SimilarImage[]> Similar(int expectedWarnings)
    {
        CommandLineResult result = await Run(Arguments());
        Assert.AreEqual(0, result.ExitCode, result.Error);
        Assert.AreEqual(expectedWarnings, result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(
            line => line.StartsWith("warning: ", StringComparison.Ordinal)), result.Error);
        return Parse(result);
    }

    /// <summary>
    /// Killed while it writes, over and over: what is in place is one whole index or another, and the next run goes on from it.
    /// </summary>
    [TestMethod]
    public async Task An_index_survives_a_process_that_is_killed_while_it_writes()
    {
        string[] arguments =
        [
            "--filter", $"FullyQualifiedName~{nameof(Writes_an_index_until_it_is_killed)}", "--no-ansi",
            "--test-parameter", $"{ChildIndex}={IndexFile}",
        ];
        using Process process = Process.Start(OwnProcess.StartInfo(arguments))!;
        var clock = Stopwatch.StartNew();
        while (!File.Exists(IndexFile) && clock.Elapsed < ChildPatience && !process.HasExited) await Task.Delay(10);
        await Task.Delay(50);
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        FeatureIndex index = FeatureIndex.Load(IndexFile, ChildNetwork, ChildFeatures);
        Assert.AreEqual(ChildPictures, index.Count);
        float[] features = index.Find(ChildPicture(0))!;
        for (int i = 0; i < ChildPictures; i++) CollectionAssert.AreEqual(features, index.Find(ChildPicture(i)), "of one writing");
        index.Add(ChildPicture(ChildPictures), features);
        index.Save(IndexFile);
        Assert.AreEqual(ChildPictures + 1, FeatureIndex.Load(IndexFile, ChildNetwork, ChildFeatures).Count);
    }

    /// <summary>
    /// Runs in another process for <see cref="An_index_survives_a_process_that_is_killed_while_it_writes"/>; does nothing by itself.
    /// </summary>
    [TestMethod]
    public void Writes_an_index_until_it_is_killed()
    {
        if (!TestContext.Properties.TryGetValue(ChildIndex, out object? path)) return;
        var clock = Stopwatch.StartNew();
        for (int writing = 0; clock.Elapsed < ChildPatience; writing++)
        {
            FeatureIndex index = FeatureIndex.Empty(ChildNetwork);
            float[] features = new float[ChildFeatures];
            Array.Fill(features, writing);
            for (int i = 0; i < ChildPictures; i++) index.Add(ChildPicture(i), features);
            index.Save((string)path!);
        }
        Assert.Fail("Nobody killed the process.");
    }

    private static IndexedImage ChildPicture(int number) => new(number.ToString(CultureInfo.InvariantCulture), 1, 1);
}
