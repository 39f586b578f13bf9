using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Renderers.Html;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace IlgpuResNet.Tests.Docs;

/// <summary>A Markdown page and what on it a test can hold it to.</summary>
internal sealed class DocumentPage
{
    private const string CommentStart = "<!--";
    private const string CommentEnd = "-->";

    private static readonly MarkdownPipeline Pipeline =
        new MarkdownPipelineBuilder().UsePipeTables().UseAutoIdentifiers(AutoIdentifierOptions.GitHub).UsePreciseSourceLocation().Build();

    /// <param name="name">Its path in the repository.</param>
    /// <param name="text">The page.</param>
    public DocumentPage(string name, string text)
    {
        Name = name;
        MarkdownDocument document = Markdown.Parse(text, Pipeline);
        CodeBlocks = [.. document.Descendants<FencedCodeBlock>().Select(block => new CodeBlock(this, block.Line + 2, block.Info ?? "", block.Lines.ToString(), NoteBefore(block)))];
        Links = [.. document.Descendants<LinkInline>().Select(link => (link.Line + 1, link.Url ?? ""))];
        CodeSpans = [.. document.Descendants<CodeInline>().Select(code => (code.Line + 1, code.Content))];
        Anchors = document.Descendants<HeadingBlock>().Select(heading => heading.GetAttributes().Id!).ToHashSet();
    }

    /// <summary>Its path in the repository.</summary>
    public string Name { get; }

    public IReadOnlyList<CodeBlock> CodeBlocks { get; }

    /// <summary>Links and pictures, with their lines from 1.</summary>
    public IReadOnlyList<(int Line, string Target)> Links { get; }

    /// <summary>What stands between single backticks, with its line.</summary>
    public IReadOnlyList<(int Line, string Text)> CodeSpans { get; }

    /// <summary>What a link may name behind its #, as GitHub makes it of the headings.</summary>
    public IReadOnlySet<string> Anchors { get; }

    public static DocumentPage Load(string root, string name) => new(name, File.ReadAllText(Path.Combine(root, name)));

    /// <summary>The comment that stands directly before a block.</summary>
    private static string NoteBefore(FencedCodeBlock block)
    {
        ContainerBlock parent = block.Parent!;
        int index = parent.IndexOf(block);
        if (index == 0 || parent[index - 1] is not HtmlBlock { Type: HtmlBlockType.Comment } comment) return "";
        return comment.Lines.ToString().Replace(CommentStart, "", StringComparison.Ordinal).Replace(CommentEnd, "", StringComparison.Ordinal).Trim();
    }
}

/// <summary>A fenced block.</summary>
/// <param name="Page">Where.</param>
/// <param name="Line">Line of its first line of code, from 1.</param>
/// <param name="Language">What stands behind the fence, such as <c>csharp</c>.</param>
/// <param name="Text">The code.</param>
/// <param name="Note">The comment directly before it; docs/README.md says which notes there are.</param>
internal sealed record CodeBlock(DocumentPage Page, int Line, string Language, string Text, string Note)
{
    public override string ToString() => $"{Page.Name}({Line})";

    /// <summary>What a note says after its name, or null when it is another note.</summary>
    public string? NoteOf(string name) => Note == name ? "" : Note.StartsWith($"{name}: ", StringComparison.Ordinal) ? Note[(name.Length + 2)..] : null;
}
