using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Copies elements along the middle axis of <c>[rows, first, inner]</c> in the order of a table of indices. One thread per quad of inner
/// elements of the result, or per element where they are no multiple of 4; neighbouring threads access neighbouring memory.
/// </summary>
internal static class Select
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>
    /// Computes one element; <paramref name="count"/> and <paramref name="inner"/> are counted in <typeparamref name="T"/>.
    /// </summary>
    public static void Kernel<T>(int count, int inner, SelectShape shape, Operands operands)
        where T : unmanaged, IChannels<T>
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int rest = i / inner;
        int within = i - rest * inner;
        int row = rest / shape.Length;
        int index = operands.Filter.Cast<int>()[rest - row * shape.Length];
        T value = T.Broadcast(shape.Value);
        if (index >= shape.First)
            value = operands.Residual.Cast<T>()[(row * shape.Second + index - shape.First) * inner + within];
        else if (index >= 0)
            value = operands.Input.Cast<T>()[(row * shape.First + index) * inner + within];
        operands.Output.Cast<T>()[i] = value;
    }
}

/// <summary>Loads and launches <see cref="Select"/>.</summary>
internal sealed class SelectLauncher(IKernelLoader loader)
{
    private readonly ChannelKernel<Action<AcceleratorStream, KernelConfig, int, int, SelectShape, Operands>> kernel = new(
        () => loader.Load<int, int, SelectShape, Operands>(Select.Kernel<Float4>),
        () => loader.Load<int, int, SelectShape, Operands>(Select.Kernel<Float1>));

    /// <inheritdoc cref="IKernelFamily.LoadSelect"/>
    public Task Load(int inner) => kernel.Load(inner);

    /// <inheritdoc cref="IKernelFamily.Select"/>
    public void Launch(AcceleratorStream stream, in SelectShape shape, in Operands operands)
    {
        long length = (long)shape.Rows * shape.Length * shape.Inner;
        ArrayView<float> input = TiledLaunch.Trim(operands.Input, (long)shape.Rows * shape.First * shape.Inner);
        ArrayView<float> table = TiledLaunch.Trim(operands.Filter, shape.Length);
        var trimmed = new Operands(
            input,
            table,
            table,
            table,
            shape.Second == 0 ? input : TiledLaunch.Trim(operands.Residual, (long)shape.Rows * shape.Second * shape.Inner),
            TiledLaunch.Trim(operands.Output, length));
        int width = ChannelKernel.Width(shape.Inner);
        int count = (int)length / width;
        kernel.Launch(shape.Inner)(stream, TiledLaunch.Flat(count, Select.GroupSize), count, shape.Inner / width, shape, trimmed);
    }
}
