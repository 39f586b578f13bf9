using IlgpuResNet.Bench.Ptx;

namespace IlgpuResNet.Tests;

/// <summary>Main loops found in made-up disassemblies of the form that <c>nvdisasm -c</c> prints.</summary>
[TestClass]
public sealed class MachineCodeTests
{
    [TestMethod]
    public void The_main_loop_is_the_one_with_a_barrier_around_the_products_and_inner_turns_count()
    {
        // Per turn: 2 loads, then an inner loop of 16 products and 3 others, then a store and the barrier.
        string[] outer = ["LDG.E.128.SYS R0, [R2]", "@P0 LDG.E.64 R4, [R2]"];
        string[] inner = [.. Enumerable.Repeat("FFMA R0, R1, R2, R0", 16), "LDS.U.128 R8, [R9]", "IADD3 R1, R1, 0x1, RZ"];
        HotLoop loop = HotLoop.Find(MachineCode.Parse(Code(
            ["MOV R1, c[0x0][0x28]", ".L_x_0:", .. outer, ".L_x_1:", .. inner, "@!P1 BRA `(.L_x_1)", "STS.128 [R9], R8", "BAR.SYNC 0x0",
                "@P2 BRA `(.L_x_0)", "FFMA R0, R0, R1, R2", "EXIT", ".L_x_2:", "BRA `(.L_x_2)"])),
            ffmaPerTurn: 64)!;
        Assert.AreEqual(64, loop.Ffma);
        Assert.AreEqual(2 + 4 * 19 + 3, loop.Instructions);
        Assert.AreEqual(64.0 / 81, loop.FfmaShare);
        Assert.AreEqual(1 + 4, loop.Loads16);
        Assert.AreEqual(1, loop.NarrowLoads);
        Assert.AreEqual(1, loop.Stores);
        Assert.AreEqual(4, loop.Integer);
        Assert.AreEqual(4 + 2, loop.Control);
    }

    [TestMethod]
    public void A_loop_without_a_loop_in_it_counts_once_whatever_the_tile()
    {
        HotLoop loop = HotLoop.Find(MachineCode.Parse(Code(
            [".L_x_0:", .. Enumerable.Repeat("FFMA.FTZ R0, R1, R2, R0", 32), "@UP0 UIADD3 UR4, UR4, 0x1, URZ", "BAR.SYNC 0x0",
                "@P0 BRA `(.L_x_0)"])),
            ffmaPerTurn: 512)!;
        Assert.AreEqual(32, loop.Ffma);
        Assert.AreEqual(35, loop.Instructions);
        Assert.AreEqual(1, loop.Integer);
    }

    [TestMethod]
    public void Products_outside_of_loops_are_none() =>
        Assert.IsNull(HotLoop.Find(MachineCode.Parse(
            Code([.. Enumerable.Repeat("FFMA R0, R1, R2, R0", 64), ".L_x_0:", "IADD3 R0, R0, 0x1, RZ", "@P0 BRA `(.L_x_0)", "EXIT"])), 64));

    /// <summary>Instructions get the addresses that the disassembler gives; labels stand alone.</summary>
    private static string Code(string[] lines)
    {
        int address = 0;
        return string.Join(
            '\n', lines.Select(line => line.EndsWith(':') ? line : $"        /*{16 * address++:x4}*/                   {line} ;"));
    }
}
