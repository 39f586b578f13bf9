using IlgpuResNet.Kernels;

namespace IlgpuResNet.Pixels;

/// <summary>The normalised float of each byte value and channel.</summary>
internal static class NormalisationTable
{
    /// <summary>
    /// Computes <c>(value / 255 - mean) / std</c> for <c>[256, 3]</c> on the host: a device's float division need not be correctly rounded,
    /// torchvision's is.
    /// </summary>
    public static float[] Create(ImagePreset preset)
    {
        float[] values = new float[FixedPoint.TableLength];
        for (int value = 0; value <= byte.MaxValue; value++)
        {
            float scaled = value / 255f;
            values[value * FixedPoint.Channels] = (scaled - preset.Mean.R) / preset.Std.R;
            values[value * FixedPoint.Channels + 1] = (scaled - preset.Mean.G) / preset.Std.G;
            values[value * FixedPoint.Channels + 2] = (scaled - preset.Mean.B) / preset.Std.B;
        }
        return values;
    }
}
