using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Simd;

/// <summary>
/// Runs the operators of the SIMD family on a few floats. .NET compiles a method when it is first called, and the methods of the kernels
/// are long. So they are compiled while the weights of a network are read, before its first run.
/// </summary>
internal static unsafe class SimdWarmUp
{
    /// <summary>Heights of the register tiles of ResNets on images of 224 pixels; other heights are compiled at their first use.</summary>
    private static readonly int[] TileRows = [14, 13, 12, 8, 7, 1];

    private const int Side = 8;

    /// <summary>Runs each operator once on the calling thread.</summary>
    public static void Run(Accelerator accelerator, int lanes)
    {
        // The channels of a panel of two vectors.
        int channels = 2 * lanes;
        Conv2dShape strided = Conv2dShape.Create(1, Side, Side, channels, channels, 3, 3, 2, 1);
        Conv2dShape plain = Conv2dShape.Create(1, Side, Side, channels, channels, 3, 3, 1, 1);
        int length = Side * Side * channels, filterLength = WinogradFilter.Elements(Conv2dAlgorithm.WinogradF4) * channels * channels;
        using MemoryBuffer1D<float, Stride1D.Dense> buffer = accelerator.Allocate1D<float>(2 * length + filterLength + 2 * channels);
        ArrayView<float> view = buffer.View.BaseView;
        new Span<float>(SimdConv2d.Pointer(view), (int)view.Length).Clear();
        var operands = new Operands(
            view.SubView(0, length),
            view.SubView(2 * length, filterLength),
            view.SubView(2 * length + filterLength, channels),
            view.SubView(2 * length + filterLength + channels, channels),
            view.SubView(length, length),
            view.SubView(length, length));
        var program = new SimdProgram(1);
        program.Add(SimdConv2d.Step(lanes, strided, operands, Epilogue.None));
        foreach (Conv2dAlgorithm algorithm in WinogradFilter.Algorithms)
        {
            Conv2dShape shape = WinogradFilter.Fits(plain, algorithm) ? plain : strided;
            program.Add(SimdWinograd.Step(lanes, algorithm, shape, operands, Epilogue.None));
        }
        foreach (int rows in TileRows)
        {
            Conv2dShape tile = Conv2dShape.Create(1, 1, rows, channels, channels, 1, 1, 1, 0);
            program.Add(SimdConv2d.Step(lanes, tile, operands, Epilogue.None));
        }
        program.Add(SimdPool2d.MaxStep(lanes, Pool2dShape.Create(1, Side, Side, channels, 3, 2, 1), operands.Input, operands.Output));
        program.Add(SimdPool2d.AverageStep(lanes, Pool2dShape.Global(1, Side, Side, channels), operands.Input, operands.Output));
        program.Add(SimdSoftmax.Step(rows: 1, channels, operands.Input, operands.Output));
        program.Run(group: 0, groups: 1);
        program.Finish();
    }
}
