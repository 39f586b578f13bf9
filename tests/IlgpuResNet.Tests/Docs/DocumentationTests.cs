extern alias Bench;
using System.Reflection;
using System.Text.RegularExpressions;
using Bench::IlgpuResNet.Bench.Reports;
using IlgpuResNet.Kernels;

namespace IlgpuResNet.Tests.Docs;

/// <summary>The pages are true: their examples compile and run, their commands exist, their links lead somewhere.</summary>
[TestClass]
public sealed partial class DocumentationTests
{
    private const string CSharp = "csharp";
    private const string Readme = "README.md";
    private const string Figures = "docs/figures.md";
    private const string Glossary = "docs/glossary.md";
    private const string SoftmaxFile = "gpu-kernels/Tiled/Operators/Softmax/Softmax.cs";
    private const int LinesOfReadme = 100;
    private const int Columns = 140;

    private static readonly string Root = Path.GetFullPath(
        typeof(DocumentationTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(entry => entry.Key == "RepositoryRoot").Value!);

    private static readonly Lazy<DocumentPage[]> Pages = new(() =>
    [
        .. new[] { Readme, "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "bench/NOTES.md" }
            .Concat(["gpu-kernels/README.md", "samples/README.md"])
            .Concat(Directory.GetFiles(Path.Combine(Root, "docs"), "*.md")
                .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/')))
            .Select(name => DocumentPage.Load(Root, name)),
    ]);

    private readonly string folder = Directory.CreateTempSubdirectory("ilgpu-resnet-docs-").FullName;

    public required TestContext TestContext { get; set; }

    [TestCleanup]
    public void DeleteFolder() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void Every_example_compiles()
    {
        CodeBlock[] examples =
        [
            .. Pages.Value.SelectMany(page => page.CodeBlocks).Where(block => block.Language == CSharp && block.NoteOf("from") is null),
        ];
        Assert.IsNotEmpty(examples);
        AssertNone(examples.SelectMany(ExampleCompiler.Faults));
    }

    /// <summary>A quotation is compiled in the file that it is from.</summary>
    [TestMethod]
    public void Every_quotation_stands_in_its_file() =>
        AssertNone(Pages.Value.SelectMany(page => page.CodeBlocks).Select(QuotationFault).OfType<string>());

    /// <summary>Examples run in a folder with the weights and the images that come with the tool.</summary>
    [TestMethod]
    public void Examples_that_run_write_what_the_page_says()
    {
        string box = Path.Combine(Root, "src", "IlgpuResNet.Cli", "FashionMnist");
        File.Copy(Path.Combine(box, "fashion-resnet.safetensors"), Path.Combine(folder, "fashion-resnet.safetensors"));
        Directory.CreateDirectory(Path.Combine(folder, "images"));
        foreach (string image in Directory.GetFiles(Path.Combine(box, "images")))
            File.Copy(image, Path.Combine(folder, "images", Path.GetFileName(image)));
        int ran = 0;
        foreach (DocumentPage page in Pages.Value)
        {
            for (int i = 0; i < page.CodeBlocks.Count; i++)
            {
                if (page.CodeBlocks[i].NoteOf("runs") is null) continue;
                AssertNone(RunFaults(page.CodeBlocks[i], page.CodeBlocks.ElementAtOrDefault(i + 1)));
                ran++;
            }
        }
        Assert.IsGreaterThan(0, ran);
    }

    [TestMethod]
    public void Every_command_parses()
    {
        var commands = new DocumentedCommands(Root);
        var checks = Pages.Value.Select(commands.Check).ToArray();
        AssertNone(checks.SelectMany(check => check.Faults));
        TestContext.WriteLine($"{checks.Sum(check => check.Count)} commands");
        Assert.IsGreaterThan(0, checks[0].Count, "The README has commands.");
    }

    [TestMethod]
    public void Every_link_leads_somewhere() =>
        AssertNone(Pages.Value.SelectMany(page => page.Links.Select(link => LinkFault(page, link.Line, link.Target)).OfType<string>()));

    [TestMethod]
    public void Every_page_is_in_the_index()
    {
        DocumentPage index = Pages.Value.Single(page => page.Name == "docs/README.md");
        AssertNone(Pages.Value
            .Where(page => page.Name.StartsWith("docs/", StringComparison.Ordinal) && page != index
                && index.Links.All(link => $"docs/{link.Target}" != page.Name))
            .Select(page => page.Name));
    }

    [TestMethod]
    public void Every_member_and_file_named_in_code_exists() =>
        AssertNone(Pages.Value.SelectMany(page => page.CodeSpans.Select(span => NameFault(page, span.Line, span.Text)).OfType<string>()));

    /// <summary>The README convinces in a minute; the rest of the documentation is in docs.</summary>
    [TestMethod]
    public void The_readme_is_short() =>
        Assert.IsLessThanOrEqualTo(LinesOfReadme, Pages.Value.Single(page => page.Name == Readme).Lines.Count);

    [TestMethod]
    public void No_line_is_too_wide() => AssertNone(Pages.Value.SelectMany(WidthFaults));

    /// <summary>The tables have the form that <c>bench report</c> writes.</summary>
    [TestMethod]
    public void Every_figure_has_its_command() => AssertNone(FigureFaults(Pages.Value.Single(page => page.Name == Figures)));

    /// <summary>A word that is defined by a type names a type that exists.</summary>
    [TestMethod]
    public void Every_type_in_the_glossary_exists() =>
        AssertNone(TypeFaults(Pages.Value.Single(page => page.Name == Glossary)));

    /// <summary>Each check finds a page that is wrong in the way it looks for.</summary>
    [TestMethod]
    public void Wrong_pages_are_found_wrong()
    {
        const string Fence = "```";
        DocumentPage Page(string text) => new("docs/wrong.md", text);
        CodeBlock Block(string text) => Page(text).CodeBlocks[0];

        AssertFault(
            ExampleCompiler.Faults(Block($"one\n\n{Fence}csharp\nint a = 1;\nConsole.WriteLine(b);\n{Fence}")),
            "docs/wrong.md(5): CS0103");
        AssertFault(ExampleCompiler.Faults(Block($"{Fence}csharp\nusing IlgpuResNet.Removed;\nConsole.WriteLine();\n{Fence}")), "CS0234");
        AssertFault(
            ExampleCompiler.Faults(Block($"<!-- given: string? text -->\n{Fence}csharp\nint length = text.Length;\n{Fence}")),
            "docs/wrong.md(3): CS8602");
        string right = $"<!-- given: string text -->\n{Fence}csharp\nConsole.WriteLine(text.Length);\n{Fence}";
        Assert.IsEmpty(ExampleCompiler.Faults(Block(right)));
        string[] parts =
            ["using System.Text;", "internal sealed record A(int B);", "Console.WriteLine(Encoding.UTF8.CodePage + new A(1).B);"];
        DocumentPage three = Page(string.Join('\n', parts.Select(part => $"{Fence}csharp\n{part}\n{Fence}")));
        Assert.IsEmpty(ExampleCompiler.Faults(three.CodeBlocks[2]), "a using and a type of earlier blocks");

        CodeBlock Quotation(string file, string line) => Block($"<!-- from: {file} -->\n{Fence}csharp\n{line}\n{Fence}");
        StringAssert.Contains(QuotationFault(Quotation(SoftmaxFile, "int thread = Group.IdxY;")), "docs/wrong.md(3)");
        Assert.IsNull(QuotationFault(Quotation(SoftmaxFile, "int thread = Group.IdxX;")));
        StringAssert.Contains(QuotationFault(Quotation("gpu-kernels/None.cs", "int a;")), "no file");

        DocumentPage says = Page($"<!-- runs -->\n{Fence}csharp\nConsole.WriteLine(1);\n{Fence}\n{Fence}text\n2\n{Fence}");
        AssertFault(RunFaults(says.CodeBlocks[0], says.CodeBlocks[1]), "docs/wrong.md(3)");

        foreach (string wrong in (string[])
            [
                "ilgpu-resnet clasify a.jpg", "ilgpu-resnet info --model alexnet", "ilgpu-resnet classify a.jpg --no-such",
                "bench compare --round 3", "bench compare --batch 0", "tests --filter FullyQualifiedName~Absent_test",
                "tests --filter TestCategory=Abracadabra", "python3 tests/reference/none.py",
                "python3 tests/reference/compare_full_size.py --no-such",
            ])
        {
            Assert.HasCount(1, new DocumentedCommands(Root).Check(Page($"{Fence}\n{wrong}   what it does\n{Fence}")).Faults, wrong);
            Assert.HasCount(1, new DocumentedCommands(Root).Check(Page($"`{wrong}`")).Faults, wrong);
        }
        DocumentPage missing = Page($"{Fence}\nilgpu-resnet run F\n{Fence}");
        Assert.HasCount(1, new DocumentedCommands(Root).Check(missing).Faults, "an option is missing");
        Assert.IsEmpty(new DocumentedCommands(Root).Check(Page("`ilgpu-resnet run F`")).Faults, "only mentioned");

        foreach (string wrong in (string[])["[a](none.md)", "[a](#none)", "[a](../README.md#none)", "![a](none.png)"])
            Assert.IsNotNull(LinkFault(Page($"# Some\n{wrong}"), 2, Page(wrong).Links[0].Target), wrong);
        foreach (string link in (string[])["[a](../README.md#figures)", "[a](#some)", "[a](https://example.org/)"])
            Assert.IsNull(LinkFault(Page($"# Some\n{link}"), 2, Page(link).Links[0].Target), link);

        foreach (string wrong in (string[])["ImageClassifier.Guess", "SessionOptions.Thread = 1", "src/None.cs"])
            Assert.IsNotNull(NameFault(Page(""), 1, wrong), wrong);
        foreach (string name in (string[])["ImageClassifier.Load", "SessionOptions.Threads = 1", SoftmaxFile, "Planning/ExecutionPlan.cs"])
            Assert.IsNull(NameFault(Page(""), 1, name), name);

        AssertFault(TypeFaults(Page("one\n`GemmTiles`, `GemmTile`, `groups`")), "docs/wrong.md(2): there is no type GemmTiles");

        string wide = new('a', Columns + 1);
        AssertFault(WidthFaults(Page($"one\n{wide}")), "docs/wrong.md(2)");
        AssertFault(WidthFaults(Page($"{Fence}\n{wide}\n{Fence}")), "docs/wrong.md(2)");
        Assert.IsEmpty(WidthFaults(Page($"{wide[1..]}\n\n| {wide} |\n\n<!-- from: FILE -->\n{Fence}csharp\n{wide}\n{Fence}")));

        const string Table = $"{FigureRow.Head}\n| --- | --- | --- |\n";
        Assert.IsEmpty(FigureFaults(Page($"{Table}| a | 1 ms | `bench cold` |")));
        AssertFault(FigureFaults(Page($"{Table}| a | 1 ms | measured by hand |")), "docs/wrong.md(3)");
        AssertFault(FigureFaults(Page("| what | figure |\n| --- | --- |\n| a | 1 ms |")), "docs/wrong.md(1)");
    }

    private static void AssertNone(IEnumerable<string> faults)
    {
        string[] all = [.. faults];
        Assert.IsEmpty(all, string.Join('\n', all));
    }

    private static void AssertFault(IEnumerable<string> faults, string part) => StringAssert.Contains(string.Join('\n', faults), part);

    /// <summary>A quotation must be consecutive lines of its file; indentation does not count.</summary>
    private static string? QuotationFault(CodeBlock block)
    {
        if (block.NoteOf("from") is not { } file) return null;
        string path = Path.Combine(Root, file);
        if (!File.Exists(path)) return $"{block}: there is no file {file}";
        return Lines(File.ReadAllText(path)).Contains(Lines(block.Text), StringComparison.Ordinal)
            ? null
            : $"{block}: these lines are not, or not any more, in {file}";

        static string Lines(string text) => $"\n{string.Join('\n', text.Split('\n').Select(line => line.Trim()))}\n";
    }

    private IEnumerable<string> RunFaults(CodeBlock program, CodeBlock? said)
    {
        string output = ExampleCompiler.Run(program, folder);
        TestContext.WriteLine($"{program}: {output}");
        return (said is { Language: "text" } ? said.Text.Split('\n') : [])
            .Where(line => !output.Contains(line.Trim(), StringComparison.Ordinal))
            .Select(line => $"{program}: did not write '{line}', but: {output}");
    }

    /// <summary>Lines of prose and code that exceed the width; rows of tables and quotations may.</summary>
    private static IEnumerable<string> WidthFaults(DocumentPage page)
    {
        HashSet<int> quoted = [.. page.CodeBlocks.Where(block => block.NoteOf("from") is not null)
            .SelectMany(block => Enumerable.Range(block.Line, block.Text.Split('\n').Length))];
        return page.Lines.Index()
            .Where(line => line.Item.Length > Columns && !line.Item.StartsWith('|') && !quoted.Contains(line.Index + 1))
            .Select(line => $"{page.Name}({line.Index + 1}): has {line.Item.Length} columns, {Columns} are the limit");
    }

    /// <summary>Tables with another head, and rows whose last cell has no command.</summary>
    private static IEnumerable<string> FigureFaults(DocumentPage page)
    {
        for (int i = 0; i < page.Lines.Count; i++)
        {
            bool isRow = page.Lines[i].StartsWith('|'), isHead = isRow && (i == 0 || !page.Lines[i - 1].StartsWith('|'));
            if (isHead && page.Lines[i] != FigureRow.Head) yield return $"{page.Name}({i + 1}): the head must be {FigureRow.Head}";
            if (isHead) i++;
            else if (isRow && !LastCellIsCommand().IsMatch(page.Lines[i])) yield return $"{page.Name}({i + 1}): the figure has no command";
        }
    }

    private static string? LinkFault(DocumentPage page, int line, string target)
    {
        if (Uri.TryCreate(target, UriKind.Absolute, out _)) return null;
        string[] parts = target.Split('#', 2);
        string absolute = Path.GetFullPath(Path.Combine(Root, Path.GetDirectoryName(page.Name)!, parts[0]));
        string path = parts[0].Length == 0 ? page.Name : Path.GetRelativePath(Root, absolute).Replace('\\', '/');
        string full = Path.Combine(Root, path);
        if (parts[0].Length > 0 && !File.Exists(full) && !Directory.Exists(full)) return $"{page.Name}({line}): there is no {path}";
        if (parts.Length == 1) return null;
        DocumentPage other = path == page.Name ? page : DocumentPage.Load(Root, path);
        return other.Anchors.Contains(parts[1]) ? null : $"{page.Name}({line}): {path} has no heading #{parts[1]}";
    }

    /// <summary>For <c>Type.Member</c> where the type is ours, and for paths of files.</summary>
    private static string? NameFault(DocumentPage page, int line, string text)
    {
        if (SourceFile().IsMatch(text))
        {
            return ((string[])["", "src/IlgpuResNet", "gpu-kernels"]).Any(place => File.Exists(Path.Combine(Root, place, text)))
                ? null
                : $"{page.Name}({line}): there is no file {text}";
        }
        if (Member().Match(text) is not { Success: true } member) return null;
        Type[] types = TypesOf(member.Groups["type"].Value);
        const BindingFlags Any =
            BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.FlattenHierarchy;
        return types.Length == 0 || types.Any(type => type.GetMember(member.Groups["member"].Value, Any).Length > 0)
            ? null
            : $"{page.Name}({line}): {member.Groups["type"].Value} has no member {member.Groups["member"].Value}";
    }

    private static Type[] TypesOf(string name) =>
    [
        .. new[] { typeof(ImageClassifier), typeof(ImageFile), typeof(Conv2dShape), typeof(BackEnd) }
            .SelectMany(type => type.Assembly.GetTypes()).Where(type => type.Name == name),
    ];

    /// <summary>Single words in code that begin with a capital letter, such as <c>GemmTile</c>, and name no type.</summary>
    private static IEnumerable<string> TypeFaults(DocumentPage page) => page.CodeSpans
        .Where(span => TypeName().IsMatch(span.Text) && TypesOf(span.Text).Length == 0)
        .Select(span => $"{page.Name}({span.Line}): there is no type {span.Text}");

    [GeneratedRegex(@"^[A-Z][A-Za-z0-9]{3,}$")]
    private static partial Regex TypeName();

    [GeneratedRegex(@"^[\w.-]+(/[\w.-]+)+\.(cs|py|md|csproj|props|targets|txt|safetensors|json)$")]
    private static partial Regex SourceFile();

    [GeneratedRegex(@"\| `[^`]+`[^|]*\|$")]
    private static partial Regex LastCellIsCommand();

    [GeneratedRegex(@"^(?<type>[A-Z]\w*)\.(?<member>[A-Z]\w*)")]
    private static partial Regex Member();
}
