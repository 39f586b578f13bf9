using System.Diagnostics;
using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Tests;

/// <summary>
/// The packages as a stranger meets them: what is in them, the README's program in a new project, the tool installed. Needs the test
/// parameter
/// <c>PackageFolder</c>, the folder that <c>dotnet pack</c> has filled; see <c>.ci/run</c>.
/// </summary>
[TestClass, TestCategory("Packages")]
public sealed partial class PackageTests
{
    private const string Parameter = "PackageFolder";
    private const int LargestLibrary = 1_000_000;
    private const int LinesOfReadme = 15;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private static readonly string Photo = Path.Combine(AppContext.BaseDirectory, "data", "imaging", "files", "baseline-q100.jpg");

    private string packages = "";
    private string folder = "";

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public void FindPackages()
    {
        if (!TestContext.Properties.TryGetValue(Parameter, out object? given))
            Assert.Inconclusive($"Needs packages: --test-parameter {Parameter}=FOLDER.");
        packages = Path.GetFullPath((string)given!);
        folder = Directory.CreateTempSubdirectory("ilgpu-resnet-packages-").FullName;
    }

    [TestCleanup]
    public void DeleteFolder()
    {
        if (folder.Length > 0) Directory.Delete(folder, recursive: true);
    }

    [TestMethod]
    public void The_library_is_small_and_holds_its_kernels_as_intermediate_language_alone()
    {
        string package = PackageOf("IlgpuResNet");
        Assert.IsLessThan(LargestLibrary, new FileInfo(package).Length);
        using ZipArchive zip = ZipFile.OpenRead(package);
        CollectionAssert.AreEquivalent(
            new[] { "IlgpuResNet.dll", "IlgpuResNet.xml", "IlgpuResNet.Kernels.dll" },
            zip.Entries.Where(entry => entry.FullName.StartsWith("lib/net10.0/", StringComparison.Ordinal)).Select(entry => entry.Name)
                .ToArray());
        foreach (ZipArchiveEntry entry in zip.Entries.Where(entry => entry.Name.EndsWith(".dll", StringComparison.Ordinal)))
            Assert.AreEqual(0, Read(entry).PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size, $"{entry.FullName} holds machine code.");
        Assert.IsFalse(Manifest(zip).Contains("IlgpuResNet.Kernels", StringComparison.Ordinal),
            "The kernels have no package of their own to depend on.");
        Assert.IsFalse(zip.Entries.Any(entry => entry.FullName.StartsWith("runtimes/", StringComparison.Ordinal)), "No native library.");
    }

    [TestMethod]
    [DataRow("IlgpuResNet", "IlgpuResNet.pdb IlgpuResNet.Kernels.pdb")]
    [DataRow("IlgpuResNet.Imaging", "IlgpuResNet.Imaging.pdb")]
    [DataRow("IlgpuResNet.SkiaSharp", "IlgpuResNet.SkiaSharp.pdb")]
    [DataRow("IlgpuResNet.ImageSharp", "IlgpuResNet.ImageSharp.pdb")]
    [DataRow("ilgpu-resnet", "")]
    public void Every_package_says_what_it_is_and_has_its_symbols(string id, string symbols)
    {
        using ZipArchive zip = ZipFile.OpenRead(PackageOf(id));
        Assert.IsNotNull(zip.GetEntry("README.md"));
        Assert.IsNotNull(zip.GetEntry("THIRD-PARTY-NOTICES.txt"));
        string manifest = Manifest(zip);
        foreach (string element in (string[])["<readme>README.md</readme>", "<license type=\"expression\">MIT</license>", "<description>"])
            StringAssert.Contains(manifest, element);
        if (symbols.Length == 0) return;
        using ZipArchive symbolZip = ZipFile.OpenRead(Path.ChangeExtension(PackageOf(id), "snupkg"));
        foreach (string name in symbols.Split(' '))
        {
            ZipArchiveEntry dll = zip.GetEntry($"lib/net10.0/{Path.ChangeExtension(name, "dll")}")!;
            AssertBelongTogether(Read(dll), Bytes(symbolZip.GetEntry($"lib/net10.0/{name}")!));
        }
    }

    /// <summary>A new console project on the packages alone; the program is the README's, as it stands there.</summary>
    [TestMethod]
    public async Task The_program_of_the_readme_runs_in_a_new_project()
    {
        string program = ReadmeProgram();
        Assert.IsLessThanOrEqualTo(LinesOfReadme, program.Split('\n').Count(line => line.Trim().Length > 0));
        File.WriteAllText(Path.Combine(folder, "Program.cs"), program);
        File.WriteAllText(Path.Combine(folder, "consumer.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="IlgpuResNet" Version="{VersionOf("IlgpuResNet")}" />
                <PackageReference Include="IlgpuResNet.SkiaSharp" Version="{VersionOf("IlgpuResNet.SkiaSharp")}" />
              </ItemGroup>
            </Project>
            """);
        WriteSources();
        WriteWhatItNames(program);
        string output = await RunAsync("dotnet", "run", "-c", "Release");
        Assert.MatchesRegex(@"\d ?%", output);
        string built = Path.Combine(folder, "bin", "Release", "net10.0");
        Assert.IsTrue(File.Exists(Path.Combine(built, "IlgpuResNet.Kernels.dll")));
    }

    [TestMethod]
    public async Task The_tool_installs_from_its_package_and_classifies()
    {
        WriteSources();
        string tools = Path.Combine(folder, "tools");
        await RunAsync("dotnet", "tool", "install", "ilgpu-resnet", "--tool-path", tools, "--add-source", packages, "--version",
            VersionOf("ilgpu-resnet"));
        string output = await RunAsync(
            Path.Combine(tools, OperatingSystem.IsWindows() ? "ilgpu-resnet.exe" : "ilgpu-resnet"), "classify", Photo, "--device", "cpu");
        Assert.MatchesRegex(@"baseline-q100\.jpg .*\d %", output);
    }

    /// <summary>The local packages beside the user's sources. What is not ours is taken from where NuGet has it already.</summary>
    private void WriteSources()
    {
        string global = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        File.WriteAllText(Path.Combine(folder, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="packages" /></config>
              <fallbackPackageFolders><add key="user" value="{global}" /></fallbackPackageFolders>
              <packageSources><add key="built" value="{packages}" /></packageSources>
            </configuration>
            """);
    }

    /// <summary>Puts an image and weights where the program looks for them, under the names it has for them.</summary>
    private void WriteWhatItNames(string program)
    {
        using ResNet model = ResNet.Create(ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2 }, 3);
        var cache = new WeightsCache { Folder = Path.Combine(folder, "cache", "ilgpu-resnet", "weights") };
        Directory.CreateDirectory(cache.Folder);
        int pictures = 0, weights = 0;
        foreach (string text in Literal().Matches(program).Select(match => match.Groups[1].Value))
        {
            string path = Path.Combine(folder, text);
            if (ResNetWeights.Parse(text) is { } named) TorchZipWriter.Write(model.Weights, cache.PathOf(named));
            else if (Path.GetExtension(text) is ".pth") TorchZipWriter.Write(model.Weights, path);
            else if (Path.GetExtension(text) is ".jpg") File.Copy(Photo, path);
            else continue;
            if (path.EndsWith(".jpg", StringComparison.Ordinal)) pictures++;
            else weights++;
        }
        Assert.IsTrue(pictures > 0 && weights > 0, $"The README's program names no .jpg, or no weights:\n{program}");
    }

    private async Task<string> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(
            program, arguments)
        { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["XDG_CACHE_HOME"] = Path.Combine(folder, "cache");
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["UseSharedCompilation"] = "false";
        // An installed tool looks for .NET there, which is not everywhere in its usual place.
        start.Environment["DOTNET_ROOT"] =
            Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} {string.Join(' ', arguments)} took longer than {Patience}.");
        }
        string all = $"{await output}{await error}";
        TestContext.WriteLine(all);
        Assert.AreEqual(0, process.ExitCode, $"{program} {string.Join(' ', arguments)}: {all}");
        return await output;
    }

    private static string ReadmeProgram()
    {
        string readme = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "data", "README.md"));
        return CSharpBlock().Match(readme) is { Success: true } block ? block.Groups[1].Value
            : throw new AssertFailedException("README.md has no block of C#.");
    }

    private string PackageOf(string id) =>
        Directory.GetFiles(packages, "*.nupkg").Single(path => Identity().Match(Path.GetFileName(path)).Groups["id"].Value == id);

    private string VersionOf(string id) => Identity().Match(Path.GetFileName(PackageOf(id))).Groups["version"].Value;

    private static string Manifest(ZipArchive zip)
    {
        using var reader = new StreamReader(zip.Entries.Single(entry => entry.Name.EndsWith(".nuspec", StringComparison.Ordinal)).Open());
        return reader.ReadToEnd();
    }

    private static PEReader Read(ZipArchiveEntry entry) => new(new MemoryStream(Bytes(entry)));

    private static byte[] Bytes(ZipArchiveEntry entry)
    {
        using var bytes = new MemoryStream();
        using Stream stream = entry.Open();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>
    /// The assembly names its symbols by an id that these must have; reproducible builds say so by an entry of their own.
    /// </summary>
    private static void AssertBelongTogether(PEReader assembly, byte[] symbols)
    {
        var entries = assembly.ReadDebugDirectory();
        Assert.IsTrue(entries.Any(entry => entry.Type is DebugDirectoryEntryType.Reproducible));
        Guid expected =
            assembly.ReadCodeViewDebugDirectoryData(entries.Single(entry => entry.Type is DebugDirectoryEntryType.CodeView)).Guid;
        using MetadataReaderProvider provider = MetadataReaderProvider.FromPortablePdbStream(new MemoryStream(symbols));
        Assert.AreEqual(expected, new BlobContentId(provider.GetMetadataReader().DebugMetadataHeader!.Id).Guid);
    }

    [GeneratedRegex("\"([^\"]+)\"")]
    private static partial Regex Literal();

    [GeneratedRegex(@"^```csharp\r?\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CSharpBlock();

    [GeneratedRegex(@"^(?<id>.+?)\.(?<version>\d+\.\d+\.\d+.*)\.nupkg$")]
    private static partial Regex Identity();
}
