namespace IlgpuResNet.Bench.Ptx;

/// <summary>
/// The instructions of one iteration of a kernel's main loop: the smallest loop around most of its multiply-adds that also holds a barrier,
/// or the innermost one where there is none. Instructions of a loop within it count as often as that iterates.
/// </summary>
/// <param name="Instructions">All instructions that a thread executes in an iteration.</param>
/// <param name="Ffma">Fused multiply-adds among them.</param>
/// <param name="Loads16">Loads of 16 bytes.</param>
/// <param name="NarrowLoads">Loads of fewer bytes.</param>
/// <param name="Stores">Stores.</param>
/// <param name="Integer">Integer and address arithmetic, the uniform datapath included.</param>
/// <param name="Control">Branches, barriers, fences.</param>
internal sealed record HotLoop(int Instructions, int Ffma, int Loads16, int NarrowLoads, int Stores, int Integer, int Control)
{
    private const string MultiplyAdd = "FFMA", Barrier = "BAR";

    /// <summary>Least number of multiply-adds in a loop of products; a loop with fewer is the arithmetic of an epilogue.</summary>
    private const int LeastFfma = 16;

    private static readonly string[] Loads = ["LDG", "LDS", "LD", "LDL"];
    private static readonly string[] AllStores = ["STG", "STS", "ST", "STL"];
    private static readonly string[] IntegerNames =
        ["IADD3", "IADD", "IMAD", "ISETP", "IABS", "IMNMX", "LEA", "SHF", "LOP3", "LOP", "POPC", "SGXT", "BMSK"];

    private static readonly string[] ControlNames =
        ["BRA", "BAR", "MEMBAR", "BSSY", "BSYNC", "EXIT", "NOP", "WARPSYNC", "DEPBAR", "ERRBAR", "CCTL", "YIELD"];


    /// <summary>Share of multiply-adds among the instructions.</summary>
    public double FfmaShare => (double)Ffma / Instructions;

    /// <summary>Finds the main loop; null in a kernel without multiply-adds in a loop.</summary>
    /// <param name="code">The kernel.</param>
    /// <param name="ffmaPerTurn">
    /// Multiply-adds of a thread in an iteration by the kernel's tile, from which the iterations of an inner loop follow.
    /// </param>
    public static HotLoop? Find(MachineCode code, int ffmaPerTurn)
    {
        int Ffma(CodeLoop loop) => code.Count(loop, MultiplyAdd);
        CodeLoop[] products = [.. code.Loops.Where(loop => Ffma(loop) >= LeastFfma)];
        if (products.Length == 0) return null;
        CodeLoop[] innermost = [.. products.Where(loop => !products.Any(other => other != loop && loop.Contains(other)))];
        CodeLoop core = innermost.MaxBy(Ffma);
        CodeLoop[] around = [.. products.Where(loop => loop.Contains(core) && code.Count(loop, Barrier) > 0).OrderBy(loop => loop.Length)];
        CodeLoop main = around.Length > 0 ? around[0] : core;
        int turns = main == core ? 1 : Math.Max(1, (ffmaPerTurn - Ffma(main) + Ffma(core)) / Ffma(core));

        int Sum(Func<MachineInstruction, bool> wanted) =>
            code.In(main).Count(wanted) + (turns - 1) * code.In(core).Count(wanted);
        return new HotLoop(
            Sum(_ => true),
            Sum(i => i.Name is MultiplyAdd),
            Sum(i => IsLoad(i) && IsWide(i)),
            Sum(i => IsLoad(i) && !IsWide(i)),
            Sum(i => AllStores.Contains(i.Name)),
            Sum(i => IntegerNames.Contains(i.Name) || (i.Name[0] == 'U' && IntegerNames.Contains(i.Name[1..]))),
            Sum(i => ControlNames.Contains(i.Name)));
    }

    private static bool IsLoad(MachineInstruction instruction) => Loads.Contains(instruction.Name);

    private static bool IsWide(MachineInstruction instruction) => instruction.Opcode.Contains(".128", StringComparison.Ordinal);
}
