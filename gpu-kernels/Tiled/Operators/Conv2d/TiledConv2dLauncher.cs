using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Loads and launches the kernels of a convolution. Direct: the input is padded to whole quads of channels where it has none, multiplied,
/// and the sums of a split reduction are added up. Winograd: the input is transformed, multiplied, and the products are transformed to the
/// output.
/// </summary>
internal sealed class TiledConv2dLauncher
{
    private readonly ImplicitGemmKernels gemm;
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, int, ArrayView<float>, ArrayView<float>>> padChannels;
    private readonly BackgroundLoad<
        Action<AcceleratorStream, KernelConfig, int, int, Conv2dShape, ArrayView<float>, Operands, Epilogue>> sumParts;
    private readonly WinogradKernels f2;
    private readonly WinogradKernels f4;

    public TiledConv2dLauncher(IKernelLoader loader)
    {
        gemm = new ImplicitGemmKernels(loader);
        padChannels = new(() => loader.Load<int, int, ArrayView<float>, ArrayView<float>>(PadChannels.Kernel));
        sumParts = new(() => loader.Load<int, int, Conv2dShape, ArrayView<float>, Operands, Epilogue>(SumParts.Kernel));
        f2 = WinogradKernels.Of<WinogradF2>(loader);
        f4 = WinogradKernels.Of<WinogradF4>(loader);
    }

    /// <inheritdoc cref="IKernelFamily.LoadConv2d"/>
    public Task Load(in Conv2dShape shape, in Conv2dMethod method)
    {
        TiledConv2dMethods.Require(shape, method);
        Task product = gemm.Get(method.Tile, InputOf(shape, method.Algorithm)).Start();
        return method.Algorithm switch
        {
            Conv2dAlgorithm.WinogradF2 => Task.WhenAll(product, f2.Input.Start(), f2.Output.Start()),
            Conv2dAlgorithm.WinogradF4 => Task.WhenAll(product, f4.Input.Start(), f4.Output.Start()),
            _ => Task.WhenAll(
                product,
                TiledConv2dMethods.PaddedInputLength(shape) > 0 ? padChannels.Start() : Task.CompletedTask,
                method.Splits > 1 ? sumParts.Start() : Task.CompletedTask),
        };
    }

    /// <inheritdoc cref="IKernelFamily.Conv2d"/>
    public void Launch(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, in Conv2dMethod method,
        ArrayView<float> workspace)
    {
        long needed = TiledConv2dMethods.WorkspaceLength(shape, method);
        var trimmed = new Operands(
            TiledLaunch.Trim(operands.Input, shape.InputLength),
            TiledLaunch.Trim(operands.Filter, PackedFilter.Length(shape, method.Algorithm)),
            TiledLaunch.Trim(operands.Scale, shape.K),
            TiledLaunch.Trim(operands.Shift, shape.K),
            TiledLaunch.TrimResidual(operands, epilogue, shape.OutputLength),
            TiledLaunch.Trim(operands.Output, shape.OutputLength));
        ArrayView<float> scratch = needed == 0 ? default : TiledLaunch.Trim(workspace, needed, nameof(workspace));
        switch (method.Algorithm)
        {
            case Conv2dAlgorithm.WinogradF2: LaunchWinograd(f2, stream, shape, trimmed, epilogue, method, scratch); break;
            case Conv2dAlgorithm.WinogradF4: LaunchWinograd(f4, stream, shape, trimmed, epilogue, method, scratch); break;
            default: LaunchDirect(stream, shape, trimmed, epilogue, method, scratch); break;
        }
    }

    private void LaunchDirect(
        AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue, in Conv2dMethod method,
        ArrayView<float> workspace)
    {
        Conv2dShape padded = Padded(shape);
        ArrayView<float> input = operands.Input;
        int copied = (int)TiledConv2dMethods.PaddedInputLength(shape);
        if (copied > 0)
        {
            input = workspace.SubView(0, copied);
            int quads = copied / Float4.Width;
            padChannels.Value(stream, TiledLaunch.Flat(quads, PadChannels.GroupSize), quads, shape.C, operands.Input, input);
        }

        ChannelWindow window = PackedFilter.Window(shape);
        GemmShape product = GemmShape.Of(shape, Conv2dAlgorithm.Direct);
        int slices = product.SlicesPerSplit(method.Tile, method.Splits), parts = product.Parts(method.Tile, method.Splits);
        TapSteps steps = TapSteps.Of(padded, window, method.Tile.K);
        int filterSlice = FilterSlice(shape, method.Tile);
        var launch = gemm.Get(method.Tile, InputOf(shape, method.Algorithm)).Value;
        if (parts == 1)
        {
            launch(
                stream, Config(product, method.Tile, 1), padded, window, steps, operands with { Input = input }, epilogue,
                GemmParts.Whole(slices, filterSlice));
            return;
        }
        int quadsOfPart = product.M * OutputTile.QuadsPerRow(shape.K);
        ArrayView<float> sums = workspace.SubView(copied, (long)parts * quadsOfPart * Float4.Width);
        launch(
            stream, Config(product, method.Tile, parts), padded, window, steps,
            operands with { Input = input, Residual = sums, Output = sums }, Epilogue.None, GemmParts.OfReduction(slices, filterSlice));
        sumParts.Value(
            stream, TiledLaunch.Flat(quadsOfPart, SumParts.GroupSize), quadsOfPart, parts, shape, sums, operands, epilogue);
    }

    private void LaunchWinograd(
        WinogradKernels transforms, AcceleratorStream stream, in Conv2dShape shape, in Operands operands, Epilogue epilogue,
        in Conv2dMethod method, ArrayView<float> workspace)
    {
        GemmShape product = GemmShape.Of(shape, method.Algorithm);
        // The product of an element is a 1x1 convolution over an image whose pixels are tiles.
        Conv2dShape element = Conv2dShape.Create(1, 1, product.M, shape.C, shape.K, 1, 1, 1, 0);
        ChannelWindow window = PackedFilter.Window(element);
        int inputLength = product.M * product.K, filterLength = product.K * PackedFilter.Columns(shape.K);
        ArrayView<float> transformed = workspace.SubView(0, (long)product.Batches * inputLength);
        ArrayView<float> products = workspace.SubView(
            transformed.Length, (long)product.Batches * product.M * PackedFilter.RoundUpToQuads(shape.K));

        transforms.Input.Value(
            stream, TiledLaunch.Flat(inputLength, Winograd.GroupSize), inputLength, shape, operands.Input, transformed);
        gemm.Get(method.Tile, GemmInput.Dense).Value(
            stream, Config(product, method.Tile, product.Batches), element, window, TapSteps.Of(element, window, method.Tile.K),
            operands with { Input = transformed, Residual = products, Output = products }, Epilogue.None,
            GemmParts.Batch(
                product.SlicesPerSplit(method.Tile, 1), inputLength / Float4.Width, filterLength / Float4.Width,
                FilterSlice(shape, method.Tile)));
        int outputs = product.M * shape.K;
        transforms.Output.Value(stream, TiledLaunch.Flat(outputs, Winograd.GroupSize), outputs, shape, products, operands, epilogue);
    }

    private static GemmInput InputOf(in Conv2dShape shape, Conv2dAlgorithm algorithm) =>
        algorithm is Conv2dAlgorithm.Direct ? ImplicitGemmKernels.InputOf(shape) : GemmInput.Dense;

    private static int FilterSlice(in Conv2dShape shape, in GemmTile tile) => tile.K * PackedFilter.Columns(shape.K) / Float4.Width;

    private static Conv2dShape Padded(in Conv2dShape shape) => shape with { C = PackedFilter.RoundUpToQuads(shape.C) };

    private static KernelConfig Config(in GemmShape product, in GemmTile tile, int parts)
    {
        int tiles = IntegerMath.DivideRoundUp(product.M, tile.M) * IntegerMath.DivideRoundUp(product.N, tile.N);
        return new KernelConfig(new Index2D(tiles, parts), new Index2D(tile.Threads, 1));
    }

    /// <summary>The transforms of one of Winograd's algorithms.</summary>
    private sealed record WinogradKernels(
        BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, Conv2dShape, ArrayView<float>, ArrayView<float>>> Input,
        BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, Conv2dShape, ArrayView<float>, Operands, Epilogue>> Output)
    {
        public static WinogradKernels Of<TTransform>(IKernelLoader loader)
            where TTransform : struct, IWinogradTransform => new(
                new(() => loader.Load<int, Conv2dShape, ArrayView<float>, ArrayView<float>>(Winograd.TransformInput<TTransform>)),
                new(() => loader.Load<int, Conv2dShape, ArrayView<float>, Operands, Epilogue>(Winograd.TransformOutput<TTransform>)));
    }
}
