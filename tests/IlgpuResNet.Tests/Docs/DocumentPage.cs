using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace IlgpuResNet.Tests.Docs;

/// <summary>A Markdown page and the parts of it that tests check.</summary>
internal sealed class DocumentPage
{
    private const string CommentStart = "<!--";
    private const string CommentEnd = "-->";

    private static readonly MarkdownPipeline Pipeline =
        new MarkdownPipelineBuilder().UsePipeTables().UseAutoIdentifiers(AutoIdentifierOptions.GitHub).UsePreciseSourceLocation().Build();

    /// <summary>Parses a page.</summary>
    /// <param name="name">Its path in the repository.</param>
    /// <param name="text">Its Markdown.</param>
    public DocumentPage(string name, string text)
    {
        Name = name;
        Lines = text.ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        MarkdownDocument document = Markdown.Parse(text, Pipeline);
        CodeBlocks =
        [
            .. document.Descendants<FencedCodeBlock>().Select(block =>
                new CodeBlock(this, block.Line + 2, block.Info ?? "", block.Lines.ToString(), NoteBefore(block))),
        ];
        Links = [.. document.Descendants<LinkInline>().Select(link => (link.Line + 1, link.Url ?? ""))];
        CodeSpans = [.. document.Descendants<CodeInline>().Select(code => (code.Line + 1, code.Content))];
        Anchors = document.Descendants<HeadingBlock>().Select(heading => heading.GetAttributes().Id!).ToHashSet();
    }

    /// <summary>Its path in the repository.</summary>
    public string Name { get; }

    /// <summary>Its lines, without the newline at its end.</summary>
    public IReadOnlyList<string> Lines { get; }

    public IReadOnlyList<CodeBlock> CodeBlocks { get; }

    /// <summary>Links and images, with their lines from 1.</summary>
    public IReadOnlyList<(int Line, string Target)> Links { get; }

    /// <summary>Texts between single backticks, with their lines from 1.</summary>
    public IReadOnlyList<(int Line, string Text)> CodeSpans { get; }

    /// <summary>Names of the headings that a link may have behind its #, made as GitHub makes them.</summary>
    public IReadOnlySet<string> Anchors { get; }

    public static DocumentPage Load(string root, string name) => new(name, File.ReadAllText(Path.Combine(root, name)));

    /// <summary>The comment directly before a block, empty for none.</summary>
    private static string NoteBefore(FencedCodeBlock block)
    {
        ContainerBlock parent = block.Parent!;
        int index = parent.IndexOf(block);
        if (index == 0 || parent[index - 1] is not HtmlBlock { Type: HtmlBlockType.Comment } comment) return "";
        return comment.Lines.ToString()
            .Replace(CommentStart, "", StringComparison.Ordinal).Replace(CommentEnd, "", StringComparison.Ordinal).Trim();
    }
}

/// <summary>A fenced block.</summary>
/// <param name="Page">The page it stands on.</param>
/// <param name="Line">Number of its first line of code, from 1.</param>
/// <param name="Language">The word behind the fence, such as <c>csharp</c>.</param>
/// <param name="Text">The code.</param>
/// <param name="Note">The comment directly before it; docs/README.md lists the notes.</param>
internal sealed record CodeBlock(DocumentPage Page, int Line, string Language, string Text, string Note)
{
    public override string ToString() => $"{Page.Name}({Line})";

    /// <summary>The text of the note after its name, or null when it is another note.</summary>
    public string? NoteOf(string name) =>
        Note == name ? "" : Note.StartsWith($"{name}: ", StringComparison.Ordinal) ? Note[(name.Length + 2)..] : null;
}
