using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The k largest elements of each row of <c>[rows, classes]</c>, or their indices, in order. One thread per element: it counts the elements
/// before its own, which is its place. That takes no memory and no barrier, and the rows of classifiers are short.
/// </summary>
internal static class TopK
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 128;

    /// <summary>Places one element of <paramref name="count"/>.</summary>
    public static void Kernel(int count, int classes, int k, int givesIndices, ArrayView<float> input, ArrayView<float> output)
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int row = i / classes;
        int index = i - row * classes;
        float value = input[i];
        int before = 0;
        for (int other = 0; other < classes; other++)
            before += TopKOrder.IsBefore(input[row * classes + other], other, value, index) ? 1 : 0;
        if (before < k) output[row * k + before] = givesIndices != 0 ? index : value;
    }
}

/// <summary>Loads and launches <see cref="TopK"/>.</summary>
internal sealed class TopKLauncher(IKernelLoader loader)
{
    private readonly BackgroundLoad<
        Action<AcceleratorStream, KernelConfig, int, int, int, int, ArrayView<float>, ArrayView<float>>> kernel = new(
        () => loader.Load<int, int, int, int, ArrayView<float>, ArrayView<float>>(TopK.Kernel));

    /// <inheritdoc cref="IKernelFamily.LoadTopK"/>
    public Task Load() => kernel.Start();

    /// <inheritdoc cref="IKernelFamily.TopK"/>
    public void Launch(
        AcceleratorStream stream, int rows, int classes, int k, bool givesIndices, ArrayView<float> input, ArrayView<float> output)
    {
        ArrayView<float> source = TiledLaunch.Trim(input, (long)rows * classes), target = TiledLaunch.Trim(output, (long)rows * k);
        int count = source.IntLength;
        kernel.Value(stream, TiledLaunch.Flat(count, TopK.GroupSize), count, classes, k, givesIndices ? 1 : 0, source, target);
    }
}
