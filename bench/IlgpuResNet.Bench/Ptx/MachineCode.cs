using System.Text.RegularExpressions;

namespace IlgpuResNet.Bench.Ptx;

/// <summary>One machine instruction.</summary>
/// <param name="Opcode">Opcode, such as <c>LDS.U.128</c>.</param>
/// <param name="Target">Index of the instruction that a branch goes to, or null.</param>
internal readonly record struct MachineInstruction(string Opcode, int? Target)
{
    /// <summary>The opcode up to its first dot.</summary>
    public string Name => Opcode.Split('.')[0];
}

/// <summary>A span of code that ends in a branch back to its start; both ends belong to it.</summary>
internal readonly record struct CodeLoop(int First, int Last)
{
    public int Length => Last - First + 1;

    public bool Contains(CodeLoop other) => First <= other.First && other.Last <= Last;
}

/// <summary>A kernel's instructions in order, as <c>nvdisasm -c</c> prints them.</summary>
internal sealed partial class MachineCode
{
    private MachineCode(MachineInstruction[] instructions)
    {
        Instructions = instructions;
        Loops = [.. instructions.Index().Where(i => i.Item.Target < i.Index).Select(i => new CodeLoop(i.Item.Target!.Value, i.Index))];
    }

    public IReadOnlyList<MachineInstruction> Instructions { get; }

    /// <summary>All loops, without the branch to itself behind a kernel's exit.</summary>
    public IReadOnlyList<CodeLoop> Loops { get; }

    public static MachineCode Parse(string disassembly)
    {
        var labels = new Dictionary<string, int>();
        var lines = new List<(string Opcode, string? Label)>();
        foreach (string line in disassembly.Split('\n'))
        {
            if (Label().Match(line) is { Success: true } label) labels[label.Groups[1].Value] = lines.Count;
            if (Instruction().Match(line) is not { Success: true } instruction) continue;
            string opcode = instruction.Groups["opcode"].Value;
            bool isBranch = opcode is "BRA" or ['B', 'R', 'A', '.', ..];
            lines.Add((opcode, isBranch && BranchTarget().Match(line) is { Success: true } target ? target.Groups[1].Value : null));
        }
        return new MachineCode([.. lines.Select(line => new MachineInstruction(line.Opcode, IndexOf(line.Label)))]);

        int? IndexOf(string? label) => label is not null && labels.TryGetValue(label, out int index) ? index : null;
    }

    /// <summary>Instructions of one name in a span.</summary>
    public int Count(CodeLoop span, string name) => In(span).Count(instruction => instruction.Name == name);

    /// <summary>The instructions of a span.</summary>
    public IEnumerable<MachineInstruction> In(CodeLoop span) => Instructions.Skip(span.First).Take(span.Length);

    [GeneratedRegex(@"^(\.L[\w.]*):")]
    private static partial Regex Label();

    [GeneratedRegex(@"^\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?PT?\d?\s+)?(?<opcode>[A-Z][A-Z0-9_.]*)")]
    private static partial Regex Instruction();

    [GeneratedRegex(@"`\((\.L[\w.]*)\)")]
    private static partial Regex BranchTarget();
}
