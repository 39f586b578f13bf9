using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// exp(x - max) / sum per row of <c>[rows, classes]</c>. One group per row: thread t takes classes t, t + 128, ...;
/// maximum and sum go through a tree in shared memory, always in the same order.
/// </summary>
internal static class Softmax
{
    /// <summary>Threads per group, a power of two.</summary>
    public const int GroupSize = 128;

    /// <summary>Computes one group's row.</summary>
    public static void Kernel(int classes, ArrayView<float> input, ArrayView<float> output)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSize);
        int thread = Group.IdxX;
        int row = Grid.IdxX * classes;

        float maximum = float.NegativeInfinity;
        for (int i = thread; i < classes; i += GroupSize) maximum = FloatMath.Max(maximum, input[row + i]);
        shared[thread] = maximum;
        GroupBarrier.Sync();
        for (int half = GroupSize / 2; half > 0; half /= 2)
        {
            if (thread < half) shared[thread] = FloatMath.Max(shared[thread], shared[thread + half]);
            GroupBarrier.Sync();
        }
        maximum = shared[0];
        GroupBarrier.Sync();

        float sum = 0f;
        for (int i = thread; i < classes; i += GroupSize) sum += XMath.Exp(input[row + i] - maximum);
        shared[thread] = sum;
        GroupBarrier.Sync();
        for (int half = GroupSize / 2; half > 0; half /= 2)
        {
            if (thread < half) shared[thread] += shared[thread + half];
            GroupBarrier.Sync();
        }
        sum = shared[0];

        for (int i = thread; i < classes; i += GroupSize) output[row + i] = XMath.Exp(input[row + i] - maximum) / sum;
    }
}

/// <summary>Loads and launches <see cref="Softmax"/>.</summary>
internal sealed class SoftmaxLauncher(IKernelLoader loader)
{
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, int, ArrayView<float>, ArrayView<float>>> kernel =
        new(() => loader.Load<int, ArrayView<float>, ArrayView<float>>(Softmax.Kernel));

    /// <inheritdoc cref="IKernelFamily.LoadSoftmax"/>
    public Task Load() => kernel.Start();

    /// <inheritdoc cref="IKernelFamily.Softmax"/>
    public void Launch(AcceleratorStream stream, int rows, int classes, ArrayView<float> input, ArrayView<float> output)
    {
        long length = (long)rows * classes;
        kernel.Value(
            stream, new KernelConfig(rows, Softmax.GroupSize), classes, TiledLaunch.Trim(input, length), TiledLaunch.Trim(output, length));
    }
}
