using ILGPU;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The k largest elements of each row of <c>[rows, classes]</c>, or their indices, in order. One thread per element of the result: it walks
/// over the row, each time for the largest behind the one found before. k is small, and the rows of classifiers are short.
/// </summary>
internal static class TopK
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 128;

    /// <summary>Finds one element of <paramref name="count"/>.</summary>
    public static void Kernel(int count, int classes, int k, int givesIndices, ArrayView<float> input, ArrayView<float> output)
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int row = i / k;
        int rank = i - row * k;
        ArrayView<int> bits = input.Cast<int>();
        int key = int.MaxValue, index = -1;
        for (int found = 0; found <= rank; found++)
        {
            int bestKey = int.MinValue, bestIndex = 0;
            for (int other = 0; other < classes; other++)
            {
                int otherKey = TopKOrder.KeyOf(bits[row * classes + other]);
                int isBetter = TopKOrder.IsBefore(key, index, otherKey, other) & TopKOrder.Less(bestKey, otherKey);
                bestKey = (otherKey & isBetter) | (bestKey & ~isBetter);
                bestIndex = (other & isBetter) | (bestIndex & ~isBetter);
            }
            key = bestKey;
            index = bestIndex;
        }
        output[i] = givesIndices != 0 ? index : input[row * classes + index];
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
        int count = target.IntLength;
        kernel.Value(stream, TiledLaunch.Flat(count, TopK.GroupSize), count, classes, k, givesIndices ? 1 : 0, source, target);
    }
}
