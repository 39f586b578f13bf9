using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.Tests.Ptx;

namespace IlgpuResNet.Tests;

/// <summary>
/// The PTX of the tiled kernels, those of the preprocessing included, for sm_80; needs no GPU. The other
/// back ends run the same C#, but not what ILGPU's optimiser makes of it for CUDA; <see cref="BackEnd.Ptx"/> executes that.
/// </summary>
[TestClass]
public sealed partial class PtxTests
{
    private static readonly Dictionary<string, (GemmTile Tile, GemmInput Input)> Convolutions =
        ImplicitGemmKernels.All.ToDictionary(kernel => $"conv2d, {kernel.Tile}, {kernel.Input}");

    private static readonly Dictionary<string, Delegate> Others = new()
    {
        ["pad channels"] = PadChannels.Kernel,
        ["sum parts"] = SumParts.Kernel,
        ["F(2x2), input"] = Winograd.TransformInput<WinogradF2>,
        ["F(2x2), output"] = Winograd.TransformOutput<WinogradF2>,
        ["F(4x4), input"] = Winograd.TransformInput<WinogradF4>,
        ["F(4x4), output"] = Winograd.TransformOutput<WinogradF4>,
        ["pointwise, vector"] = Pointwise.Kernel<Float4>,
        ["pointwise, scalar"] = Pointwise.Kernel<Float1>,
        ["max pool, vector"] = MaxPool2d.Kernel<Float4>,
        ["max pool, scalar"] = MaxPool2d.Kernel<Float1>,
        ["average pool, vector"] = AveragePool2d.Kernel<Float4>,
        ["average pool, scalar"] = AveragePool2d.Kernel<Float1>,
        ["softmax"] = Softmax.Kernel,
        ["activation, vector"] = ActivatedPointwise.Kernel<Float4>,
        ["activation, scalar"] = ActivatedPointwise.Kernel<Float1>,
        ["activation in place, vector"] = ActivateInPlace.Kernel<Float4>,
        ["activation in place, scalar"] = ActivateInPlace.Kernel<Float1>,
        ["combine, vector"] = Combine.Kernel<Float4>,
        ["combine, scalar"] = Combine.Kernel<Float1>,
        ["select, vector"] = Select.Kernel<Float4>,
        ["select, scalar"] = Select.Kernel<Float1>,
        ["group norm"] = GroupNorm.Kernel,
        ["top k"] = Kernels.Tiled.TopK.Kernel,
        ["preprocess, horizontal"] = Resize.Horizontal,
        ["preprocess, vertical"] = Resize.Vertical,
    };

    public static IEnumerable<object[]> KernelNames => Convolutions.Keys.Concat(Others.Keys).Select(name => new object[] { name });

    public static IEnumerable<object[]> ConvolutionNames => Convolutions.Keys.Select(name => new object[] { name });

    /// <summary>Abbreviations of memory instructions in <see cref="MemoryOrder"/>.</summary>
    private static readonly Dictionary<string, char> Letters = new()
    {
        ["ld.global"] = 'G',
        ["st.global"] = 'g',
        ["ld.shared"] = 'S',
        ["st.shared"] = 's',
        ["bar.sync"] = 'B',
    };

    [TestMethod]
    public void Every_loaded_kernel_is_listed_here()
    {
        // Two kernels: a channel kernel's instances, and one record for each of Winograd's algorithms.
        int loaded = typeof(TiledKernels).Assembly.GetTypes().Where(type => type.Name.EndsWith("Launcher", StringComparison.Ordinal))
            .SelectMany(type => type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic))
            .Sum(field => field.FieldType.Name is "WinogradKernels" ? 2
                : field.FieldType is not { IsGenericType: true } type ? 0
                : type.GetGenericTypeDefinition() == typeof(ChannelKernel<>) ? 2
                : type.GetGenericTypeDefinition() == typeof(BackgroundLoad<>) ? 1 : 0);
        Assert.HasCount(loaded, Others);
    }

    [TestMethod]
    [DynamicData(nameof(KernelNames))]
    public void Nothing_spills_and_every_address_space_is_known(string kernel)
    {
        string ptx = Compile(kernel);
        Assert.DoesNotContain(".local", ptx, "local memory");
        Assert.DoesNotMatchRegex(GenericAccess(), ptx, "a load or store of the generic address space");
    }

    /// <summary>
    /// First the slice ahead of the loop: global loads, shared stores, barrier; then in the loop the next slice's global loads, the steps'
    /// shared loads, the next slice's shared stores, barrier. A shared load behind the stores or behind the barrier would read what another
    /// thread is about to overwrite; global loads behind the steps would wait for memory instead of for arithmetic. Loads under a condition
    /// are written at the end.
    /// </summary>
    [TestMethod]
    [DynamicData(nameof(ConvolutionNames))]
    public void Convolution_loads_ahead_and_reads_shared_memory_before_the_barrier(string kernel) =>
        Assert.MatchesRegex(new Regex(Convolutions[kernel].Tile.PartitionsK > 1 ? "^[Gs]+BG+S+s+B(s+BS+B|[Gg])+$" : "^[Gs]+BG+S+s+B[Gg]+$"),
            MemoryOrder(Compile(kernel)));

    [TestMethod]
    [DynamicData(nameof(ConvolutionNames))]
    public void Convolution_moves_16_bytes_per_load(string kernel)
    {
        GemmTile tile = Convolutions[kernel].Tile;
        string ptx = Compile(kernel);
        string[] untilBarrier = ptx.Split("bar.sync");
        // Behind the loop there are two barriers for each exchange of sums: of two columns, and of the halves of what they have in common.
        int exchanges = tile.PartitionsK switch { 1 => 0, 2 => 2, _ => 3 };
        Assert.HasCount(2 + 2 * exchanges + 1, untilBarrier);
        string mainLoop = untilBarrier[0] + untilBarrier[1];
        Assert.DoesNotMatchRegex(new Regex(@"ld\.(global|shared)\.(?!v4)"), mainLoop, "a narrow load in the main loop");
        int quads = (tile.M + tile.N) * tile.K / Float4.Width / tile.Threads;
        int residual = tile.ThreadM * tile.ThreadN / tile.PartitionsK / Float4.Width;
        Assert.HasCount(
            2 * quads + residual, Regex.Matches(ptx, @"ld\.global\.v4\.f32"), "the first slice, the next one in the loop, the residual");
        Assert.HasCount((tile.ThreadM + tile.ThreadN) / Float4.Width * tile.K / tile.PartitionsK,
            Regex.Matches(mainLoop, @"ld\.shared\.v4\.f32"), "one slice");
    }

    /// <summary>The kernel's memory instructions as they follow each other, a letter each.</summary>
    private static string MemoryOrder(string ptx)
    {
        var order = new StringBuilder();
        foreach (Match match in MemoryInstruction().Matches(ptx)) order.Append(Letters[match.Value]);
        return order.ToString();
    }

    private static string Compile(string kernel)
    {
        return Convolutions.TryGetValue(kernel, out (GemmTile Tile, GemmInput Input) convolution)
            ? PtxCompiler.Compile(ImplicitGemmKernels.Method(convolution.Tile, convolution.Input).Method,
                ImplicitGemmKernels.Specialization(convolution.Tile))
            : PtxCompiler.Compile(Others[kernel].Method, KernelSpecialization.Empty);
    }

    [GeneratedRegex(@"\b(ld|st)\.(global|shared)(?=\.)|bar\.sync")]
    private static partial Regex MemoryInstruction();

    [GeneratedRegex(@"\b(ld|st)\.(?!global|shared|param|const)")]
    private static partial Regex GenericAccess();
}
