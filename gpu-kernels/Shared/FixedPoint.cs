using ILGPU;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The integer arithmetic by which both families resize: sums of bytes times fixed-point weights, rounded to bytes, as in Pillow. So no
/// floating-point operation runs on the device, and every back end gives the same bits.
/// </summary>
internal static class FixedPoint
{
    /// <summary>Fractional bits of the weights.</summary>
    public const int FractionBits = 22;

    /// <summary>One half, from which a sum starts so that it is rounded to the nearest byte.</summary>
    public const int Half = 1 << (FractionBits - 1);

    /// <summary>Channels of a resized image: red, green, blue.</summary>
    public const int Channels = 3;

    /// <summary>Entries of the normalisation table, one for each byte value and channel: <c>[256, 3]</c>.</summary>
    public const int TableLength = 256 * Channels;

    /// <summary>The rounded byte of a sum; it is clipped because the negative lobes of a filter overshoot on both sides.</summary>
    public static int Clip8(int sum) => IntrinsicMath.Clamp(sum >> FractionBits, 0, 255);
}
