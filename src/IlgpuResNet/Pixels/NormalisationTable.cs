using IlgpuResNet.Kernels;

namespace IlgpuResNet.Pixels;

/// <summary>The normalised float of each byte value and channel.</summary>
internal static class NormalisationTable
{
    /// <summary>
    /// Computes <c>(value * scale - mean) / std</c> for <c>[256, 3]</c>, the channels in the order of the network's input, on the host: a
    /// device's float division need not be correctly rounded, torchvision's is.
    /// </summary>
    public static float[] Create(ImagePreset preset)
    {
        (float, float)[] colours = [(preset.Mean.R, preset.Std.R), (preset.Mean.G, preset.Std.G), (preset.Mean.B, preset.Std.B)];
        if (preset.Channels is ChannelOrder.Bgr) Array.Reverse(colours);
        float[] values = new float[FixedPoint.TableLength];
        for (int value = 0; value <= byte.MaxValue; value++)
        {
            // For a scale of 1 / 255 the product in double rounds to the float that PyTorch's division gives.
            float scaled = (float)(value * preset.Scale);
            for (int channel = 0; channel < FixedPoint.Channels; channel++)
            {
                (float mean, float std) = colours[channel];
                values[value * FixedPoint.Channels + channel] = (scaled - mean) / std;
            }
        }
        return values;
    }
}
