using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;
using IlgpuResNet.Tests.Ptx;

namespace IlgpuResNet.Tests;

/// <summary>
/// What the tiled kernels and those of the preprocessing become on an NVIDIA GPU, read from their PTX for sm_80; needs no GPU. The other back ends run the same
/// C#, but not what ILGPU's optimiser makes of it for CUDA; <see cref="BackEnd.Ptx"/> executes that.
/// </summary>
[TestClass]
public sealed partial class PtxTests
{
    private static readonly Dictionary<string, Delegate> Kernels = new()
    {
        ["conv2d, dense"] = ImplicitGemm.Kernel<DenseActivations>,
        ["conv2d, vector"] = ImplicitGemm.Kernel<VectorActivations>,
        ["conv2d, scalar"] = ImplicitGemm.Kernel<ScalarActivations>,
        ["pointwise, vector"] = Pointwise.Kernel<Float4>,
        ["pointwise, scalar"] = Pointwise.Kernel<Float1>,
        ["max pool, vector"] = MaxPool2d.Kernel<Float4>,
        ["max pool, scalar"] = MaxPool2d.Kernel<Float1>,
        ["average pool, vector"] = AveragePool2d.Kernel<Float4>,
        ["average pool, scalar"] = AveragePool2d.Kernel<Float1>,
        ["softmax"] = Softmax.Kernel,
        ["preprocess, horizontal"] = PreprocessKernels.Horizontal,
        ["preprocess, vertical"] = PreprocessKernels.Vertical,
    };

    public static IEnumerable<object[]> KernelNames => Kernels.Keys.Select(name => new object[] { name });

    /// <summary>What the memory instructions of <see cref="MemoryOrder"/> are abbreviated to.</summary>
    private static readonly Dictionary<string, char> Letters = new()
    {
        ["ld.global"] = 'G',
        ["st.global"] = 'g',
        ["ld.shared"] = 'S',
        ["st.shared"] = 's',
        ["membar.cta"] = 'F',
        ["bar.sync"] = 'B',
    };

    [TestMethod]
    public void Every_loaded_kernel_is_listed_here()
    {
        int loaded = new[] { typeof(TiledKernels), typeof(PreprocessKernels) }
            .SelectMany(type => type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic))
            .Count(field => typeof(Delegate).IsAssignableFrom(field.FieldType));
        Assert.HasCount(loaded, Kernels);
    }

    [TestMethod]
    [DynamicData(nameof(KernelNames))]
    public void Nothing_spills_and_every_address_space_is_known(string kernel)
    {
        string ptx = Compile(kernel);
        Assert.DoesNotContain(".local", ptx, "local memory");
        Assert.DoesNotMatchRegex(GenericAccess(), ptx, "a load or store of the generic address space");
    }

    [TestMethod]
    [DynamicData(nameof(KernelNames))]
    public void Every_barrier_has_its_fence(string kernel) =>
        Assert.DoesNotMatchRegex(new Regex("(?<!F)B"), MemoryOrder(Compile(kernel)), "a barrier without a fence");

    /// <summary>
    /// In program order: the next slice's global loads, then the steps' shared loads, then the slice's shared stores, fence, barrier.
    /// A shared load behind the stores or behind the barrier would read what another thread is about to overwrite;
    /// global loads behind the steps would wait for memory instead of for arithmetic.
    /// </summary>
    [TestMethod]
    [DataRow("conv2d, dense")]
    [DataRow("conv2d, vector")]
    [DataRow("conv2d, scalar")]
    public void Convolution_loads_ahead_and_reads_shared_memory_before_the_barrier(string kernel) =>
        Assert.MatchesRegex(new Regex("^G+S+s+FB[Gg]+$"), MemoryOrder(Compile(kernel)));

    [TestMethod]
    [DataRow("conv2d, dense")]
    [DataRow("conv2d, vector")]
    public void Convolution_moves_16_bytes_per_load(string kernel)
    {
        string ptx = Compile(kernel);
        string mainLoop = ptx[..ptx.IndexOf("bar.sync", StringComparison.Ordinal)];
        Assert.DoesNotMatchRegex(new Regex(@"ld\.(global|shared)\.(?!v4)"), mainLoop, "a narrow load in the main loop");
        Assert.HasCount(4, Regex.Matches(mainLoop, @"ld\.global\.v4\.f32"), "two quads of each operand per thread and slice");
        Assert.HasCount(16, Regex.Matches(mainLoop, @"ld\.shared\.v4\.f32"), "two quads of each operand per step, four steps");
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
        MethodInfo method = Kernels[kernel].Method;
        return PtxCompiler.Compile(method, method.DeclaringType == typeof(ImplicitGemm) ? ImplicitGemm.Specialization : KernelSpecialization.Empty);
    }

    [GeneratedRegex(@"\b(ld|st)\.(global|shared)(?=\.)|membar\.cta|bar\.sync")]
    private static partial Regex MemoryInstruction();

    [GeneratedRegex(@"\b(ld|st)\.(?!global|shared|param|const)")]
    private static partial Regex GenericAccess();
}
