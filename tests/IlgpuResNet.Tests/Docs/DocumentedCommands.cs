extern alias Bench;
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Reflection;
using System.Text.RegularExpressions;
using Bench::IlgpuResNet.Bench.Commands;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Tests.Docs;

/// <summary>
/// Parses the command lines on a page with the parsers of the programs, without running them. A command between backticks may be only
/// mentioned: its required arguments may be missing there. docs/README.md says what <c>bench</c>, <c>tests</c> and
/// <c>ilgpu-resnet</c> stand for.
/// </summary>
/// <param name="root">The repository.</param>
internal sealed partial class DocumentedCommands(string root)
{
    private readonly RootCommand tool = Program.CreateRoot(new ToolConsole(TextWriter.Null, TextWriter.Null));
    private readonly RootCommand bench = BenchCommands.CreateRoot();

    /// <summary>The number of commands on a page, and their faults as <c>page(line): fault</c>.</summary>
    public (int Count, string[] Faults) Check(DocumentPage page)
    {
        var faults = new List<string>();
        int count = 0;
        foreach ((int line, string command, bool isWhole) in Of(page))
        {
            string[] words = [.. CommandLineParser.SplitCommandLine(command)];
            if (Fault(words, isWhole) is not { } fault) continue;
            count++;
            if (fault.Length > 0) faults.Add($"{page.Name}({line}): '{command}': {fault}");
        }
        return (count, [.. faults]);
    }

    private static IEnumerable<(int Line, string Command, bool IsWhole)> Of(DocumentPage page)
    {
        foreach ((int line, string text) in page.CodeSpans) yield return (line, text, false);
        foreach (CodeBlock block in page.CodeBlocks.Where(block => block.Language is "" or "sh"))
        {
            string[] lines = block.Text.Split('\n');
            for (int i = 0; i < lines.Length; i++)
            {
                int first = i;
                string command = lines[i];
                while (command.EndsWith('\\') && i + 1 < lines.Length) command = $"{command[..^1].TrimEnd()} {lines[++i].TrimStart()}";
                yield return (block.Line + first, Remark().Replace(command, ""), true);
            }
        }
    }

    /// <summary>The fault of a command, empty when it is right, or null when it is not one of these programs.</summary>
    private string? Fault(string[] words, bool isWhole)
    {
        if (words.Length < 2) return null;
        switch (words[0])
        {
            case "ilgpu-resnet":
                return OfParser(tool, words[1..], isWhole);
            case "bench":
                return OfParser(bench, words[1..], isWhole);
            case "tests":
                return OfTests(words[1..]);
            case "python3" or "bash":
                return OfScript(words[1], words[2..]);
            case "dotnet" when words[1] is "run" && Array.IndexOf(words, "--project") is > 0 and int option && option + 1 < words.Length:
                string project = words[option + 1];
                if (!Directory.Exists(Path.Combine(root, project))) return $"there is no project {project}";
                string[] arguments = Array.IndexOf(words, "--") is > 0 and int separator ? words[(separator + 1)..] : [];
                return project switch
                {
                    "src/IlgpuResNet.Cli" => OfParser(tool, arguments, isWhole),
                    "bench/IlgpuResNet.Bench" => OfParser(bench, arguments, isWhole),
                    "tests/IlgpuResNet.Tests" => OfTests(arguments),
                    _ => "",
                };
            default:
                return null;
        }
    }

    private static string OfParser(RootCommand command, string[] arguments, bool isWhole) =>
        command.Parse(arguments).Errors.Select(error => error.Message).FirstOrDefault(message => isWhole || !IsMissing(message)) ?? "";

    private static bool IsMissing(string message) => message.Contains("required", StringComparison.OrdinalIgnoreCase);

    /// <summary>A filter must find a test, and a parameter must be known to one.</summary>
    private string OfTests(string[] arguments)
    {
        for (int i = 0; i + 1 < arguments.Length; i++)
        {
            if (arguments[i] is "--filter")
            {
                foreach (Match term in FilterTerm().Matches(arguments[i + 1]))
                {
                    string what = term.Groups["what"].Value, value = term.Groups["value"].Value;
                    if (!Tests().Any(test => Matches(test, what, value))) return $"no test has {term.Value}";
                }
            }
            else if (arguments[i] is "--test-parameter" && arguments[i + 1].Split('=')[0] is var parameter)
            {
                string word = $@"\b{Regex.Escape(parameter)}\b";
                if (!Directory.EnumerateFiles(Path.Combine(root, "tests"), "*.cs", SearchOption.AllDirectories)
                    .Any(file => Regex.IsMatch(File.ReadAllText(file), word)))
                    return $"no test has the parameter {parameter}";
            }
        }
        return "";
    }

    private static IEnumerable<MethodInfo> Tests() => typeof(DocumentedCommands).Assembly.GetTypes()
        .Where(type => !type.IsAbstract && type.IsDefined(typeof(TestClassAttribute), false))
        .SelectMany(type => type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(method => method.IsDefined(typeof(TestMethodAttribute), true)));

    private static bool Matches(MethodInfo test, string what, string value) => what is "TestCategory"
        ? test.GetCustomAttributes<TestCategoryAttribute>().Concat(test.ReflectedType!.GetCustomAttributes<TestCategoryAttribute>())
            .Any(category => category.TestCategories.Contains(value))
        : $"{test.ReflectedType!.FullName}.{test.Name}".Contains(value, StringComparison.Ordinal);

    /// <summary>The script must exist and name every option.</summary>
    private string OfScript(string script, string[] arguments)
    {
        string path = Path.Combine(root, script);
        if (!File.Exists(path)) return $"there is no script {script}";
        string text = File.ReadAllText(path);
        // The arguments of .ci/trixie are a command with options of its own.
        if (!script.EndsWith(".py", StringComparison.Ordinal)) return "";
        string[] options = [.. arguments.Where(argument => argument.StartsWith("--", StringComparison.Ordinal))];
        string? unknown = options.FirstOrDefault(option => !text.Contains($"\"{option}\"", StringComparison.Ordinal));
        return unknown is null ? "" : $"{script} has no option {unknown}";
    }

    /// <summary>A comment behind a command, or a column of explanations.</summary>
    [GeneratedRegex(@"(\s#.*|\s{2,}\S.*|^#.*)$")]
    private static partial Regex Remark();

    [GeneratedRegex(@"(?<what>FullyQualifiedName|TestCategory)(!=|=|~)(?<value>[\w.]+)")]
    private static partial Regex FilterTerm();
}
