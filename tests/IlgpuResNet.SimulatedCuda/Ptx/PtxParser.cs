using System.Globalization;
using System.Text.RegularExpressions;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Reads PTX as ILGPU writes it: one entry, one statement per line. What it does not know, be it a directive, an opcode or a modifier, it
/// refuses by name.
/// </summary>
internal sealed partial class PtxParser
{
    private readonly RegisterSlots slots = new();
    private readonly List<PtxParameter> parameters = [];
    private readonly List<PtxArray> shared = [];
    private readonly List<PtxArray> local = [];
    private readonly List<Instruction> code = [];
    private readonly List<(Instruction Branch, string Label)> branches = [];
    private readonly Dictionary<string, int> labels = [];
    private string? name;
    private int maxThreads = int.MaxValue;
    private bool isInFunction;
    private bool isClosed;

    private PtxParser()
    {
    }

    /// <summary>Parses the only entry of a module; if it contracts, sums and products become one (<see cref="Contraction"/>).</summary>
    public static PtxProgram Parse(string ptx, bool contracts = false)
    {
        var parser = new PtxParser();
        string[] lines = ptx.Split('\n');
        for (int n = 0; n < lines.Length; n++)
        {
            string line = Comment().Replace(lines[n], "").Trim();
            try
            {
                if (line.Length > 0) parser.ReadLine(line, n + 1);
            }
            catch (PtxException error)
            {
                throw new PtxException($"{parser.name ?? "PTX"}, line {n + 1}: {line} -- {error.Message}");
            }
        }
        return parser.Finish(contracts);
    }

    private void ReadLine(string line, int number)
    {
        // ILGPU declares and defines a function for what its own code generator has put in place; a call of one is no instruction that is
        // known here.
        isInFunction |= Function().IsMatch(line);
        if (isInFunction)
        {
            isInFunction = line is not (";" or "}");
            return;
        }
        if (isClosed) throw new PtxException("the entry has ended, and no second one is known here");
        if (line is "{" or ")" or "") return;
        if (line is "}") isClosed = true;
        else if (Label().Match(line) is { Success: true } label) labels.Add(label.Groups[1].Value, code.Count);
        else if (line.StartsWith('.')) ReadDirective(line);
        else if (Statement().Match(line) is { Success: true } statement) code.Add(ReadInstruction(statement, line, number));
        else throw new PtxException("this is no statement that is known here");
    }

    private void ReadDirective(string line)
    {
        if (Ignored().IsMatch(line)) return;
        if (Entry().Match(line) is { Success: true } entry) name = entry.Groups[1].Value;
        else if (MaxThreads().Match(line) is { Success: true } most)
            maxThreads = Number(most.Groups[1]) * Number(most.Groups[2]) * Number(most.Groups[3]);
        else if (Registers().Match(line) is { Success: true } registers)
            slots.Declare(registers.Groups[1].Value, Number(registers.Groups[2]));
        else if (ArrayDeclaration().Match(line) is { Success: true } array) ReadArray(array);
        else if (ScalarParameter().Match(line) is { Success: true } scalar)
            parameters.Add(new PtxParameter(scalar.Groups[2].Value, Number(scalar.Groups[1]) / 8, Number(scalar.Groups[1]) / 8));
        else throw new PtxException("this directive is not known here");
    }

    private void ReadArray(Match array)
    {
        (string arrayName, int alignment, int length) = (array.Groups[3].Value, Number(array.Groups[2]), Number(array.Groups[4]));
        if (array.Groups[1].Value == "param") parameters.Add(new PtxParameter(arrayName, alignment, length));
        else (array.Groups[1].Value == "shared" ? shared : local).Add(new PtxArray(arrayName, alignment, length, slots.Declare(arrayName)));
    }

    private Instruction ReadInstruction(Match statement, string line, int number)
    {
        string opcode = statement.Groups["opcode"].Value;
        string guard = statement.Groups["guard"].Value;
        var instruction = new Instruction
        {
            Opcode = opcode,
            Text = line,
            Line = number,
            Guard = guard.Length == 0 ? Instruction.NoGuard : slots.Register(guard),
            GuardNegated = statement.Groups["not"].Length > 0,
        };
        string[] operands = [.. Operand().Matches(statement.Groups["operands"].Value).Select(match => match.Value)];
        if (Arithmetic.TryFind(opcode, out int count, out Computation? compute))
        {
            RequireOperands(operands, count);
            instruction.Compute = compute;
            instruction.D = slots.Register(operands[0]);
            instruction.Writes = [instruction.D];
            instruction.Reads = [.. operands.Skip(1).Select(slots.Source)];
            instruction.A = instruction.Reads[0];
            if (count > 2) instruction.B = instruction.Reads[1];
            if (count > 3) instruction.C = instruction.Reads[2];
        }
        else if (!ReadControl(instruction, operands) && !ReadMemoryAccess(instruction, operands))
        {
            throw new PtxException($"the instruction {opcode} is not known here");
        }
        return instruction;
    }

    private bool ReadControl(Instruction instruction, string[] operands)
    {
        switch (instruction.Opcode)
        {
            case "bra" or "bra.uni":
                RequireOperands(operands, 1);
                branches.Add((instruction, operands[0]));
                instruction.Act = (thread, i) => thread.Branch(i);
                return true;
            case "ret" or "exit":
                RequireOperands(operands, 0);
                instruction.Act = (thread, _) => thread.Exit();
                return true;
            case "bar.sync":
                if (operands is not ["0"]) throw new PtxException("of all barriers only number 0, of all threads, is known here");
                instruction.Act = (thread, i) => thread.Wait(i);
                return true;
            case "membar.cta" or "membar.gl":
                RequireOperands(operands, 0);
                // Memory here is always in order: the race detector asks for barriers, which imply the fence.
                instruction.Act = (_, _) => { };
                return true;
            default:
                return false;
        }
    }

    private bool ReadMemoryAccess(Instruction instruction, string[] operands)
    {
        Match match = MemoryAccess().Match(instruction.Opcode);
        if (!match.Success) return false;
        RequireOperands(operands, 2);
        bool isLoad = match.Groups["kind"].Value == "ld";
        string space = match.Groups["space"].Value;
        string type = match.Groups["type"].Value;
        string[] elements = [.. Name().Matches(operands[isLoad ? 0 : 1]).Select(m => m.Value)];
        int width = match.Groups["vector"].Length > 0 ? Number(match.Groups["vector"]) : 1;
        if (elements.Length != width) throw new PtxException($"{width} registers are needed");
        instruction.Elements = [.. elements.Select(element => isLoad ? slots.Register(element) : slots.Source(element))];
        instruction.ElementBytes = int.Parse(type.AsSpan(1), CultureInfo.InvariantCulture) / 8;
        instruction.IsSigned = type[0] == 's';
        Match address = Address().Match(operands[isLoad ? 1 : 0]);
        if (!address.Success) throw new PtxException("the address is not of a form that is known here");
        string of = address.Groups["base"].Value;
        instruction.Offset = address.Groups["offset"].Success ? Number(address.Groups["offset"]) : 0;
        if (space == "param")
        {
            instruction.Parameter = parameters.FindIndex(parameter => parameter.Name == of);
            if (!isLoad || width != 1 || instruction.Parameter < 0) throw new PtxException($"{of} is no parameter that this can load");
        }
        else
        {
            instruction.A = slots.Source(of);
        }
        if (isLoad) (instruction.Writes, instruction.Reads) = (instruction.Elements, [instruction.A]);
        else instruction.Reads = [instruction.A, .. instruction.Elements];
        instruction.Act = (space, isLoad) switch
        {
            ("param", _) => (thread, i) => thread.Registers[i.Elements[0]] = thread.Cta.Launch.LoadParameter(thread.Number, i),
            ("global", true) => (thread, i) => thread.Cta.Launch.Memory.Load(thread, i),
            ("global", false) => (thread, i) => thread.Cta.Launch.Memory.Store(thread, i),
            ("shared", true) => (thread, i) => thread.Cta.Shared.Load(thread, i),
            ("shared", false) => (thread, i) => thread.Cta.Shared.Store(thread, i),
            (_, true) => (thread, i) => thread.Local.Load(thread, i),
            (_, false) => (thread, i) => thread.Local.Store(thread, i),
        };
        return true;
    }

    private PtxProgram Finish(bool contracts)
    {
        if (name is null || !isClosed) throw new PtxException("the PTX has no whole entry");
        if (code.Count == 0 || code[^1].IsGuarded || code[^1].Opcode is not ("ret" or "exit" or "bra" or "bra.uni"))
            throw new PtxException($"{name}: control falls out of the end of the entry");
        if (contracts) Contraction.Apply(code, labels);
        foreach ((Instruction branch, string label) in branches)
            branch.Target = labels.TryGetValue(label, out int target) ? target
                : throw new PtxException($"{name}, {branch} -- there is no such label");
        for (int n = 0; n < code.Count; n++) code[n].Index = n;
        return new PtxProgram
        {
            Name = name,
            Parameters = parameters,
            Shared = shared,
            Local = local,
            SpecialRegisters = slots.Special,
            Slots = slots.Initial,
            Code = [.. code],
            MaxThreads = maxThreads,
        };
    }

    private static void RequireOperands(string[] operands, int count)
    {
        if (operands.Length != count) throw new PtxException($"{count} operands are needed, not {operands.Length}");
    }

    private static int Number(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^\.visible \.func\b")]
    private static partial Regex Function();

    [GeneratedRegex("//.*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^(\w+):$")]
    private static partial Regex Label();

    [GeneratedRegex(@"^(@(?<not>!?)(?<guard>%\w+)\s+)?(?<opcode>[a-z][\w.]*)(\s+(?<operands>[^;]*))?;$", RegexOptions.ExplicitCapture)]
    private static partial Regex Statement();

    [GeneratedRegex(@"\{[^}]*\}|\[[^\]]*\]|[^\s,]+")]
    private static partial Regex Operand();

    [GeneratedRegex(@"^\.(version|target|address_size|minnctapersm)\b")]
    private static partial Regex Ignored();

    [GeneratedRegex(@"^\.visible \.entry (\w+)\($")]
    private static partial Regex Entry();

    [GeneratedRegex(@"^\.maxntid (\d+), (\d+), (\d+)$")]
    private static partial Regex MaxThreads();

    [GeneratedRegex(@"^\.reg \.\w+\s+(%[a-z]+)<(\d+)>;$")]
    private static partial Regex Registers();

    [GeneratedRegex(@"^\.(param|shared|local) \.align (\d+) \.b8 (\w+)\[(\d+)\][;,]?$")]
    private static partial Regex ArrayDeclaration();

    [GeneratedRegex(@"^\.param \.[bsuf](32|64) (\w+),?$")]
    private static partial Regex ScalarParameter();

    [GeneratedRegex(
        @"^(?<kind>ld|st)\.(?<space>param|global|shared|local)(\.v(?<vector>[24]))?\.(?<type>[bsu](8|16|32|64)|f(32|64))$",
        RegexOptions.ExplicitCapture)]
    private static partial Regex MemoryAccess();

    [GeneratedRegex(@"^\[(?<base>%?\w+)(\+(?<offset>-?\d+))?\]$", RegexOptions.ExplicitCapture)]
    private static partial Regex Address();

    [GeneratedRegex(@"%?\w+")]
    private static partial Regex Name();
}
