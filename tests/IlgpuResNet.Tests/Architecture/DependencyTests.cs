namespace IlgpuResNet.Tests.Architecture;

/// <summary>Dependencies point one way: each room uses only what <see cref="Rooms"/> allows it.</summary>
[TestClass]
public sealed class DependencyTests
{
    private const string Devices = Rooms.Library + "/Devices";

    private static readonly string[] BackEnds = ["Cuda", "OpenCL", "Cpu", "CPUAccelerator", "CudaAccelerator", "CLAccelerator",
        "AcceleratorType"];

    private static readonly Lazy<SourceHouse> House = new(() => SourceHouse.Load());

    [TestMethod]
    public void Every_name_leads_to_its_declaration() => AssertNone(House.Value.Errors());

    [TestMethod]
    public void Rooms_use_only_what_the_table_allows() => AssertNone(House.Value.ForbiddenUses());

    [TestMethod]
    public void Devices_alone_names_a_back_end() => AssertNone(House.Value.Mentions(Devices, BackEnds));

    [TestMethod]
    public void Every_folder_is_a_room_of_the_table()
    {
        IEnumerable<string> rooms = new[] { Rooms.Kernels, Rooms.Library }.SelectMany(project => SourceHouse.FilesOf(project)).Select(
            path => Rooms.Of(path)!).Distinct();
        CollectionAssert.AreEquivalent(rooms.ToArray(), Rooms.MayUse.Keys.ToArray());
    }

    /// <summary>Files with one forbidden use each: by a using line, by a type that needs none, by a back end's name.</summary>
    [TestMethod]
    public void Forbidden_uses_are_found()
    {
        SourceHouse house = SourceHouse.Load(
            ("src/IlgpuResNet/Weights/Upward.cs",
                "using IlgpuResNet.Execution;\nnamespace IlgpuResNet.Weights;\ninternal static class Upward;\n"),
            ("src/IlgpuResNet/Pixels/Root.cs",
                "namespace IlgpuResNet.Pixels;\ninternal static class Root\n{\n    public static ImageClassifier? Value;\n}\n"),
            ("gpu-kernels/Simd/Sideways.cs",
                "namespace IlgpuResNet.Kernels.Simd;\ninternal static class Sideways\n{\n"
                    + "    public static Tiled.TiledKernels? Value;\n}\n"),
            ("src/IlgpuResNet/Graphs/Named.cs",
                "namespace IlgpuResNet.Graphs;\ninternal static class Named\n{\n    public const int Cuda = 1, Twice = 2 * Cuda;\n}\n"));
        string[] faults = [.. house.ForbiddenUses().Except(House.Value.ForbiddenUses())];
        StringAssert.StartsWith(faults.Single(fault => fault.Contains("Upward.cs", StringComparison.Ordinal)),
            "src/IlgpuResNet/Weights/Upward.cs(1): using IlgpuResNet.Execution");
        StringAssert.StartsWith(faults.Single(fault => fault.Contains("Root.cs", StringComparison.Ordinal)),
            "src/IlgpuResNet/Pixels/Root.cs(4): ImageClassifier belongs to");
        StringAssert.StartsWith(faults.Single(fault => fault.Contains("Sideways.cs", StringComparison.Ordinal)),
            "gpu-kernels/Simd/Sideways.cs(4): TiledKernels belongs to");
        Assert.HasCount(3, faults);
        StringAssert.Contains(
            house.Mentions(Devices, BackEnds).Except(House.Value.Mentions(Devices, BackEnds)).Single(), "Named.cs(4): Cuda");
    }

    private static void AssertNone(IEnumerable<string> faults)
    {
        string[] all = [.. faults.Distinct()];
        Assert.IsEmpty(all, string.Join('\n', all));
    }
}
