using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>
/// The project's own kernels with one thing broken. That they pass unbroken says something only if the interpreter notices.
/// </summary>
[TestClass]
public sealed partial class PtxBrokenKernelTests
{
    public TestContext TestContext { get; set; } = null!;

    /// <summary>Each barrier of each kernel, so that none is superfluous either; with all of them the same run passes.</summary>
    [TestMethod]
    [DataRow("dense", 2)]
    [DataRow("slices", 2)]
    [DataRow("quads", 2)]
    [DataRow("softmax", 5)]
    [DataRow("average pool", 1)]
    [DataRow("split reduction", 2)]
    [DataRow("Winograd F(2x2)", 2)]
    [DataRow("Winograd F(4x4)", 2)]
    public void A_missing_barrier_is_a_race(string kernel, int barriers)
    {
        for (int missing = 0; missing < barriers; missing++)
        {
            TiledKernels broken = WithoutBarrier(missing);
            var error = Assert.ThrowsExactly<PtxException>(() => Run(kernel, broken), $"without barrier {missing}");
            Assert.Contains("races at __shared_alloca", error.Message);
        }
        Run(kernel, WithoutBarrier(barriers));
    }

    [TestMethod]
    public void An_instruction_that_becomes_unknown_is_named()
    {
        var broken =
            new TiledKernels(new PtxKernelLoader(ptx => ptx.Replace("mul.f32", "mul.rz.f32")), new TiledPlanner(multiprocessors: 1));
        var error = Assert.ThrowsExactly<PtxException>(() => Run("softmax", broken));
        Assert.Contains("the instruction mul.rz.f32 is not known here", error.Message);
    }

    /// <summary>Each buffer of a convolution is read or written to its last element and no further.</summary>
    [TestMethod]
    [DataRow("input")]
    [DataRow("filter")]
    [DataRow("scale")]
    [DataRow("shift")]
    [DataRow("residual")]
    [DataRow("output")]
    [DataRow("none")]
    public void A_buffer_that_is_too_short_is_out_of_bounds(string shortened)
    {
        Accelerator accelerator = TestDevice.Open(BackEnd.Ptx, TestContext).Accelerator;
        Conv2dShape shape = Conv2dShape.Create(1, 3, 3, 16, 6, 3, 3, 1, 1);
        // The filter is as long as the longest slices need.
        GemmTile tile = GemmTile.M64N64P2;
        var buffers = new List<GuardedBuffer>();
        ArrayView<float> View(string name, long length)
        {
            buffers.Add(GuardedBuffer.Input(accelerator, new float[length]));
            return buffers[^1].View.SubView(0, name == shortened ? length - 1 : length);
        }
        ChannelWindow window = PackedFilter.Window(shape);
        int columns = PackedFilter.Columns(shape.K), slices = window.GemmK / tile.K;
        var arguments = new KernelArguments();
        arguments.Add(shape);
        arguments.Add(window);
        arguments.Add(TapSteps.Of(shape, window, tile.K));
        arguments.Add(new Operands(
            View("input", shape.InputLength), View("filter", PackedFilter.Length(shape, Conv2dAlgorithm.Direct)), View("scale", shape.K),
            View("shift", shape.K),
            View("residual", shape.OutputLength), View("output", shape.OutputLength)));
        arguments.Add(new Epilogue(HasResidual: 1, ReluBeforeAdd: 0, Relu: 0));
        arguments.Add(GemmParts.Whole(slices, tile.K * columns / Float4.Width));
        PtxProgram program =
            PtxCompiler.Load(ImplicitGemmKernels.Method(tile, GemmInput.Slices).Method, ImplicitGemmKernels.Specialization(tile));

        void Launch() => arguments.Launch(program, new KernelConfig(1, tile.Threads));
        if (shortened == "none") Launch();
        else Assert.Contains($" of {shortened}", Assert.ThrowsExactly<PtxException>(Launch).Message);
        foreach (GuardedBuffer buffer in buffers) buffer.Dispose();
    }

    /// <summary>All kernels, each without the barrier of this number if it has as many.</summary>
    private static TiledKernels WithoutBarrier(int number) => new(new PtxKernelLoader(ptx =>
        Barrier().Matches(ptx).ElementAtOrDefault(number) is { } barrier ? ptx.Remove(barrier.Index, barrier.Length) : ptx),
        new TiledPlanner(multiprocessors: 1));

    private void Run(string kernel, TiledKernels kernels)
    {
        const int Length = 1000;
        TestDevice device = TestDevice.Open(BackEnd.Ptx, TestContext);
        using var input = GuardedBuffer.Input(device.Accelerator, new float[Length]);
        using var filter = GuardedBuffer.Input(device.Accelerator, new float[100 * Length]);
        using var scale = GuardedBuffer.Input(device.Accelerator, new float[Length]);
        using var shift = GuardedBuffer.Input(device.Accelerator, new float[Length]);
        using var output = GuardedBuffer.Output(device.Accelerator, Length);
        using var workspace = GuardedBuffer.Output(device.Accelerator, 10 * Length);
        ArrayView<float> x = input.View, y = output.View;
        var operands = new Operands(x, filter.View, scale.View, shift.View, ArrayView<float>.Empty, y);
        switch (kernel)
        {
            case "dense": Convolve(24, 1, new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M64N64)); break;
            case "slices": Convolve(8, 3, new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M64N64)); break;
            case "quads": Convolve(4, 3, new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M64N32)); break;
            case "split reduction": Convolve(8, 3, new Conv2dMethod(Conv2dAlgorithm.Direct, GemmTile.M32N32, 2)); break;
            case "Winograd F(2x2)": Convolve(24, 3, new Conv2dMethod(Conv2dAlgorithm.WinogradF2, GemmTile.M32N32)); break;
            case "Winograd F(4x4)": Convolve(24, 3, new Conv2dMethod(Conv2dAlgorithm.WinogradF4, GemmTile.M32N32)); break;
            case "softmax": kernels.Softmax(device.Stream, 2, 300, x, y); break;
            case "average pool": kernels.AveragePool2d(device.Stream, Pool2dShape.Global(1, 7, 5, 5), x, y); break;
            default: throw new ArgumentOutOfRangeException(nameof(kernel));
        }

        void Convolve(int channels, int window, Conv2dMethod how) => kernels.Conv2d(
            device.Stream, Conv2dShape.Create(1, 3, 3, channels, 8, window, window, 1, window / 2), operands, Epilogue.None, how,
            workspace.View);
    }

    [GeneratedRegex(@"bar\.sync\s+0;")]
    private static partial Regex Barrier();
}
