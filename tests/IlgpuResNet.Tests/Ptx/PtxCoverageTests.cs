using IlgpuResNet.Kernels;
using IlgpuResNet.Kernels.Tiled;
using IlgpuResNet.SimulatedCuda.Ptx;

namespace IlgpuResNet.Tests.Ptx;

/// <summary>The operators' tests leave no instruction of the kernels unexecuted: what none of them reaches, none of them checks.</summary>
[TestClass]
public sealed class PtxCoverageTests
{
    public TestContext TestContext { get; set; } = null!;

    /// <summary>The kernels besides the tiles', which <see cref="PtxTiledConv2dTests"/> look at one by one.</summary>
    [TestMethod]
    public void Of_the_convolution()
    {
        var tests = new PtxTiledConv2dTests { TestContext = TestContext };
        tests.OpenDevice();
        tests.Partly_filled_tiles_match_the_oracle(GemmTile.M32N32.ToString());
        tests.Winograd_matches_the_oracle(Conv2dAlgorithm.WinogradF2);
        tests.Winograd_matches_the_oracle(Conv2dAlgorithm.WinogradF4);
        AssertExecuted(
            PadChannels.Kernel, SumParts.Kernel, Winograd.TransformInput<WinogradF2>, Winograd.TransformOutput<WinogradF2>,
            Winograd.TransformInput<WinogradF4>, Winograd.TransformOutput<WinogradF4>);
    }

    [TestMethod]
    public void Of_the_epilogue_alone()
    {
        var tests = new PtxPointwiseTests { TestContext = TestContext };
        tests.OpenDevice();
        tests.Every_clip_matches_the_oracle(0, 6);
        AssertExecuted(Pointwise.Kernel<Float4>, Pointwise.Kernel<Float1>);
    }

    [TestMethod]
    public void Of_the_pools()
    {
        var tests = new PtxPool2dTests { TestContext = TestContext };
        tests.OpenDevice();
        tests.Random_shapes_match_the_oracle();
        tests.NaN_wins_wherever_it_lies_in_the_window(11);
        tests.NaN_wins_wherever_it_lies_in_the_window(8);
        AssertExecuted(MaxPool2d.Kernel<Float4>, MaxPool2d.Kernel<Float1>, AveragePool2d.Kernel<Float4>, AveragePool2d.Kernel<Float1>);
    }

    [TestMethod]
    public void Of_the_activations()
    {
        var tests = new PtxActivationTests { TestContext = TestContext };
        tests.OpenDevice();
        foreach (object[] function in ActivationTests.Functions)
        {
            tests.Alone_it_matches_its_definition((int)function[0], (float)function[1], (float)function[2]);
            tests.After_a_convolution_it_matches_its_definition((int)function[0], (float)function[1], (float)function[2]);
        }
        // A code of no activation, whose value passes through.
        tests.Alone_it_matches_its_definition(code: -1, 0, 0);
        AssertExecuted(ActivatedPointwise.Kernel<Float4>, ActivatedPointwise.Kernel<Float1>);
    }

    [TestMethod]
    public void Of_what_moves_memory()
    {
        var select = new PtxSelectTests { TestContext = TestContext };
        select.OpenDevice();
        select.Elements_are_copied_by_their_indices(2, 3, 2, 4, [4, 0, -1, 3, 3, 2]);
        select.Elements_are_copied_by_their_indices(2, 3, 2, 1, [4, 0, -1, 3, 3, 2]);
        var topK = new PtxTopKTests { TestContext = TestContext };
        topK.OpenDevice();
        topK.Random_rows_are_sorted(2, 300, 4);
        AssertExecuted(Kernels.Tiled.Select.Kernel<Float4>, Kernels.Tiled.Select.Kernel<Float1>, Kernels.Tiled.TopK.Kernel);
    }

    [TestMethod]
    public void Of_softmax()
    {
        var tests = new PtxSoftmaxTests { TestContext = TestContext };
        tests.OpenDevice();
        tests.NaN_spoils_a_long_row_wherever_it_lies(5);
        tests.NaN_spoils_a_long_row_wherever_it_lies(150);
        tests.Random_logits_match_the_oracle(1, 1000);
        AssertExecuted(Softmax.Kernel);
    }

    [TestMethod]
    public void Of_the_preprocessing()
    {
        new PreprocessPtxTests { TestContext = TestContext }.Result_is_bit_equal_to_torchvision();
        AssertExecuted(Resize.Horizontal, Resize.Vertical);
    }

    /// <summary>Fails for an instruction of these kernels that no launch in this process has executed.</summary>
    internal static void AssertExecuted(params Delegate[] kernels)
    {
        foreach (Delegate kernel in kernels)
        {
            // The program that the tests above ran on, for a kernel is parsed once.
            PtxProgram program = PtxCompiler.Load(kernel.Method, default);
            Instruction[] left = [.. program.Code.Where(i => !i.IsExecuted)];
            Assert.IsEmpty(left, $"{kernel.Method.DeclaringType} {kernel.Method}: {string.Join(" | ", left.Take(10))}");
        }
    }
}
