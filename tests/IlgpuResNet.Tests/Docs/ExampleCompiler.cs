using System.Globalization;
using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace IlgpuResNet.Tests.Docs;

/// <summary>
/// Compiles the C# of a page as in a reader's project: .NET, the packages and their dependencies, nullable references and implicit
/// usings, every warning an error. A block is a program, or types; with the note <c>given</c> it is the body of a method with the
/// parameters that the note lists. Usings and types stand once on a page and hold for the blocks that follow.
/// </summary>
internal static class ExampleCompiler
{
    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly string[] Packages =
    [
        "IlgpuResNet", "IlgpuResNet.Imaging", "IlgpuResNet.SkiaSharp", "IlgpuResNet.ImageSharp", "ILGPU", "ILGPU.Algorithms",
        "Microsoft.Extensions.Logging.Abstractions", "SixLabors.ImageSharp", "SkiaSharp",
    ];

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest);

    private static readonly Lazy<MetadataReference[]> References = new(() =>
    {
        string framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        return [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetDirectoryName(path) == framework || Packages.Contains(Path.GetFileNameWithoutExtension(path)))
            .Select(path => MetadataReference.CreateFromFile(path))];
    });

    /// <summary>Compiles a block.</summary>
    /// <param name="block">C#.</param>
    public static CSharpCompilation Compile(CodeBlock block)
    {
        CompilationUnitSyntax root = Parse(block);
        CodeBlock[] before =
        [
            .. block.Page.CodeBlocks.Where(other =>
                other.Language == block.Language && other.Line < block.Line && other.NoteOf("from") is null),
        ];
        string usings = string.Join('\n', before.Append(block)
            .SelectMany(other => Parse(other).Usings).Select(directive => $"global {directive}").Distinct());
        bool isProgram = block.NoteOf("given") is null && HasStatements(root);
        return CSharpCompilation.Create(
            "Example",
            [
                CSharpSyntaxTree.ParseText($"{ImplicitUsings}\n{usings}", ParseOptions),
                .. before.Where(other => !HasStatements(Parse(other))).Append(block)
                    .Select(part => CSharpSyntaxTree.ParseText(Whole(part), ParseOptions, part.Page.Name)),
            ],
            References.Value,
            new CSharpCompilationOptions(
                isProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary,
                optimizationLevel: OptimizationLevel.Release, nullableContextOptions: NullableContextOptions.Enable,
                generalDiagnosticOption: ReportDiagnostic.Error));
    }

    /// <summary>Errors and warnings as <c>page(line): message</c>.</summary>
    public static IEnumerable<string> Faults(CodeBlock block) => Compile(block).GetDiagnostics()
        .Where(diagnostic => diagnostic.Severity is DiagnosticSeverity.Error or DiagnosticSeverity.Warning)
        .Select(diagnostic => $"{block.Page.Name}({diagnostic.Location.GetMappedLineSpan().StartLinePosition.Line + 1}): "
            + $"{diagnostic.Id} {diagnostic.GetMessage(CultureInfo.InvariantCulture)}");

    /// <summary>Runs a program in a folder and returns its output.</summary>
    public static string Run(CodeBlock block, string folder)
    {
        using var image = new MemoryStream();
        var result = Compile(block).Emit(image);
        Assert.IsTrue(result.Success, string.Join('\n', result.Diagnostics));
        MethodInfo main = Assembly.Load(image.ToArray()).EntryPoint ?? throw new AssertFailedException($"{block}: is no program.");
        string before = Environment.CurrentDirectory;
        TextWriter console = Console.Out;
        using var output = new StringWriter();
        try
        {
            Environment.CurrentDirectory = folder;
            Console.SetOut(output);
            main.Invoke(null, main.GetParameters().Length == 0 ? [] : [Array.Empty<string>()]);
        }
        finally
        {
            Console.SetOut(console);
            Environment.CurrentDirectory = before;
        }
        return output.ToString();
    }

    private static CompilationUnitSyntax Parse(CodeBlock block) =>
        CSharpSyntaxTree.ParseText(block.Text, ParseOptions).GetCompilationUnitRoot();

    private static bool HasStatements(CompilationUnitSyntax root) => root.Members.OfType<GlobalStatementSyntax>().Any();

    /// <summary>The block with its usings blanked, as they are global, inside the method that the note <c>given</c> asks for.</summary>
    private static string Whole(CodeBlock block)
    {
        char[] text = block.Text.ToCharArray();
        foreach (UsingDirectiveSyntax directive in Parse(block).Usings) Array.Fill(text, ' ', directive.SpanStart, directive.Span.Length);
        string body = $"#line {block.Line}\n{new string(text)}";
        if (block.NoteOf("given") is not { } given) return body;
        string result = block.Text.Contains("await ", StringComparison.Ordinal) ? "async Task" : "void";
        return $"internal static class Example\n{{\nprivate static {result} Run({given})\n{{\n{body}\n}}\n}}";
    }
}
