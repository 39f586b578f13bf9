using ILGPU;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// Copies pixels of any number of channels to pixels of whole quads, with zeros in the added channels, so that the stem with its three
/// colours loads quads as every other layer does. One thread per quad of the result.
/// </summary>
internal static class PadChannels
{
    /// <summary>Threads per group.</summary>
    public const int GroupSize = 256;

    /// <summary>Copies one quad of <paramref name="count"/>.</summary>
    public static void Kernel(int count, int channels, ArrayView<float> input, ArrayView<float> output)
    {
        int i = Grid.IdxX * GroupSize + Group.IdxX;
        if (i >= count) return;
        int quads = (channels + Float4.Width - 1) / Float4.Width;
        int pixel = i / quads;
        int channel = (i - pixel * quads) * Float4.Width;
        int first = pixel * channels + channel;
        int last = pixel * channels + channels - 1;
        // Past the last channel the last one is read again, and dropped below.
        float x = input[first];
        float y = input[IntrinsicMath.Min(first + 1, last)];
        float z = input[IntrinsicMath.Min(first + 2, last)];
        float w = input[IntrinsicMath.Min(first + 3, last)];
        output.Cast<Float4>()[i] = new Float4(
            x, channel + 1 < channels ? y : 0f, channel + 2 < channels ? z : 0f, channel + 3 < channels ? w : 0f);
    }
}
