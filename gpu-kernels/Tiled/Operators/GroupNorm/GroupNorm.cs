using ILGPU;
using ILGPU.Algorithms;
using ILGPU.Runtime;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Group normalisation of <c>[N, pixels, C]</c> with its epilogue. One group of threads per image and group of channels: thread t takes the
/// elements t, t + 256, ... of the group, pixel by pixel; sums go through a tree in shared memory, always in the same order. The mean comes
/// first and the squares of the differences to it second, because a variance from the mean of squares would lose its digits.
/// </summary>
internal static class GroupNorm
{
    /// <summary>Threads per group, a power of two.</summary>
    public const int GroupSize = 256;

    /// <summary>Computes one group of channels of one image.</summary>
    public static void Kernel(GroupNormShape shape, Operands operands, Epilogue epilogue)
    {
        ArrayView<float> shared = SharedMemory.Allocate<float>(GroupSize);
        int thread = Group.IdxX;
        int channels = shape.C / shape.Groups;
        int image = Grid.IdxX / shape.Groups;
        int firstChannel = (Grid.IdxX - image * shape.Groups) * channels;
        int first = image * shape.Pixels * shape.C + firstChannel;
        int count = shape.Pixels * channels;

        float sum = 0f;
        for (int i = thread; i < count; i += GroupSize)
        {
            int pixel = i / channels;
            sum += operands.Input[first + pixel * shape.C + i - pixel * channels];
        }
        float mean = Total(shared, thread, sum) / count;

        float squares = 0f;
        for (int i = thread; i < count; i += GroupSize)
        {
            int pixel = i / channels;
            float difference = operands.Input[first + pixel * shape.C + i - pixel * channels] - mean;
            squares += difference * difference;
        }
        float deviation = XMath.Sqrt(Total(shared, thread, squares) / count + shape.Epsilon);

        for (int i = thread; i < count; i += GroupSize)
        {
            int pixel = i / channels;
            int within = i - pixel * channels;
            int channel = firstChannel + within, place = first + pixel * shape.C + within;
            float residual = epilogue.HasResidual != 0 ? operands.Residual[place] : 0f;
            var value = new Float1((operands.Input[place] - mean) / deviation);
            operands.Output[place] = Float1.FinishActivated(
                epilogue, value, new Float1(operands.Scale[channel]), new Float1(operands.Shift[channel]), new Float1(residual),
                new Float1(epilogue.Alpha)).X;
        }
    }

    /// <summary>The sum over the threads of the group; every thread must call it.</summary>
    private static float Total(ArrayView<float> shared, int thread, float value)
    {
        shared[thread] = value;
        GroupBarrier.Sync();
        for (int half = GroupSize / 2; half > 0; half /= 2)
        {
            if (thread < half) shared[thread] += shared[thread + half];
            GroupBarrier.Sync();
        }
        float total = shared[0];
        GroupBarrier.Sync();
        return total;
    }
}

/// <summary>Loads and launches <see cref="GroupNorm"/>.</summary>
internal sealed class GroupNormLauncher(IKernelLoader loader)
{
    private readonly BackgroundLoad<Action<AcceleratorStream, KernelConfig, GroupNormShape, Operands, Epilogue>> kernel =
        new(() => loader.Load<GroupNormShape, Operands, Epilogue>(GroupNorm.Kernel));

    /// <inheritdoc cref="IKernelFamily.LoadGroupNorm"/>
    public Task Load() => kernel.Start();

    /// <inheritdoc cref="IKernelFamily.GroupNorm"/>
    public void Launch(AcceleratorStream stream, in GroupNormShape shape, in Operands operands, Epilogue epilogue)
    {
        ArrayView<float> scale = TiledLaunch.Trim(operands.Scale, shape.C);
        var trimmed = new Operands(
            TiledLaunch.Trim(operands.Input, shape.Length),
            Filter: scale,
            scale,
            TiledLaunch.Trim(operands.Shift, shape.C),
            TiledLaunch.TrimResidual(operands, epilogue, shape.Length),
            TiledLaunch.Trim(operands.Output, shape.Length));
        kernel.Value(stream, new KernelConfig(shape.N * shape.Groups, GroupNorm.GroupSize), shape, trimmed, epilogue);
    }
}
