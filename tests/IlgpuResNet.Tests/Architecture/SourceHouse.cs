using System.Reflection;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace IlgpuResNet.Tests.Architecture;

/// <summary>The sources of the kernels and the library, compiled as one, so that every name leads to the file that declares it.</summary>
internal sealed class SourceHouse
{
    private const string ImplicitUsings =
        "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; "
        + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    private static readonly CSharpParseOptions ParseOptions = new(LanguageVersion.Latest);

    /// <summary>Partial members whose bodies .NET's source generators write; no generator runs here.</summary>
    private const string MissingBody = "CS8795";

    /// <summary>Part of the names of the classes that a source generator completes for JSON.</summary>
    private const string JsonContext = "Context";

    private readonly CSharpCompilation compilation;

    private SourceHouse(IEnumerable<(string Path, string Text)> files)
    {
        IEnumerable<SyntaxTree> trees = files.Append((Path: "", Text: ImplicitUsings))
            .Select(file => CSharpSyntaxTree.ParseText(file.Text, ParseOptions, file.Path));
        IEnumerable<string> references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("IlgpuResNet", StringComparison.Ordinal));
        compilation = CSharpCompilation.Create(
            "House", trees, references.Select(path => MetadataReference.CreateFromFile(path)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
    }

    /// <summary>The checkout that these tests were built in.</summary>
    public static string Root { get; } = Path.GetFullPath(
        typeof(SourceHouse).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(
            entry => entry.Key == "RepositoryRoot").Value!);

    /// <summary>The house as it stands, with more files for a control.</summary>
    public static SourceHouse Load(params (string Path, string Text)[] more) =>
        new([.. new[] { Rooms.Kernels, Rooms.Library }.SelectMany(folder => FilesOf(folder)).Select(
            path => (path, File.ReadAllText(Path.Combine(Root, path)))), .. more]);

    /// <summary>Source files below a folder, as paths from <see cref="Root"/>.</summary>
    public static IEnumerable<string> FilesOf(string folder, string extension = ".cs") => Directory
        .EnumerateFiles(Path.Combine(Root, folder), $"*{extension}", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
        .Where(path => !path.Split('/').Any(part => part is "bin" or "obj"));

    /// <summary>Errors of compilation: a name that leads nowhere would hide a forbidden use.</summary>
    public IEnumerable<string> Errors() => compilation.GetDiagnostics()
        .Where(diagnostic => diagnostic.Severity is DiagnosticSeverity.Error && diagnostic.Id != MissingBody)
        .Select(diagnostic => diagnostic.ToString())
        .Where(error => !error.Contains(JsonContext, StringComparison.Ordinal));

    /// <summary>Every use of a type whose room the table forbids, and every using line of such a room's namespace.</summary>
    public IEnumerable<string> ForbiddenUses()
    {
        foreach (SyntaxTree tree in compilation.SyntaxTrees.Where(tree => Rooms.Of(tree.FilePath) is not null))
        {
            string room = Rooms.Of(tree.FilePath)!;
            SemanticModel model = compilation.GetSemanticModel(tree);
            SyntaxNode root = tree.GetRoot();
            foreach (UsingDirectiveSyntax directive in root.DescendantNodes().OfType<UsingDirectiveSyntax>())
            {
                if (directive.Alias is not null || model.GetSymbolInfo(directive.Name!).Symbol is not INamespaceSymbol used) continue;
                if (RoomsOf(used) is { Count: > 0 } rooms && !rooms.Any(other => IsAllowed(room, other)))
                    yield return Fault(directive, $"using {used} leads to {string.Join(", ", rooms)}, which {room} may not use");
            }
            foreach (SimpleNameSyntax name in root.DescendantNodes().OfType<SimpleNameSyntax>())
            {
                if (TypeOf(model.GetSymbolInfo(name).Symbol) is not { } type) continue;
                string[] rooms = [.. RoomsOf(type)];
                if (rooms.Length > 0 && !rooms.Any(other => IsAllowed(room, other)))
                    yield return Fault(name, $"{type.Name} belongs to {string.Join(", ", rooms)}, which {room} may not use");
            }
        }
    }

    /// <summary>Every mention of a type or a type's member in code outside a room.</summary>
    /// <param name="home">The room that may mention them.</param>
    /// <param name="names">Names of types.</param>
    public IEnumerable<string> Mentions(string home, params string[] names) =>
        from tree in compilation.SyntaxTrees
        where Rooms.Of(tree.FilePath) is { } room && room.StartsWith(Rooms.Library, StringComparison.Ordinal) && room != home
        from name in tree.GetRoot().DescendantNodes().OfType<IdentifierNameSyntax>()
        where names.Contains(name.Identifier.Text)
        select Fault(name, $"{name} is named by {home} alone");

    private static bool IsAllowed(string room, string other) => room == other || Rooms.MayUse[room].Contains(other);

    private static string Fault(SyntaxNode node, string what) =>
        $"{node.SyntaxTree.FilePath}({node.GetLocation().GetLineSpan().StartLinePosition.Line + 1}): {what}";

    private static INamedTypeSymbol? TypeOf(ISymbol? symbol) => (symbol as INamedTypeSymbol ?? symbol?.ContainingType)?.OriginalDefinition;

    private static IEnumerable<string> RoomsOf(INamedTypeSymbol type) =>
        type.DeclaringSyntaxReferences.Select(reference => Rooms.Of(reference.SyntaxTree.FilePath)).OfType<string>().Distinct();

    private static HashSet<string> RoomsOf(INamespaceSymbol used) => [.. used.GetTypeMembers().SelectMany(RoomsOf)];
}
