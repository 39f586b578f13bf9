using System.Collections.Immutable;

namespace IlgpuResNet.ActivationMaps;

/// <summary>
/// The colour map viridis of matplotlib 3.6 (Smith, van der Walt and Firing 2015; CC0, https://bids.github.io/colormap). Equal steps of a
/// value look equally large, also in gray and to colour-blind readers.
/// </summary>
internal static class Viridis
{
    /// <summary>Every 17th of the 256 colours; linear interpolation between them differs from the others by at most 7 of 255.</summary>
    private static readonly ImmutableArray<Rgb> Colours =
    [
        new(0x44, 0x01, 0x54), new(0x48, 0x1A, 0x6C), new(0x47, 0x2F, 0x7D), new(0x41, 0x44, 0x87),
        new(0x39, 0x56, 0x8C), new(0x31, 0x68, 0x8E), new(0x2A, 0x78, 0x8E), new(0x23, 0x88, 0x8E),
        new(0x1F, 0x98, 0x8B), new(0x22, 0xA8, 0x84), new(0x35, 0xB7, 0x79), new(0x54, 0xC5, 0x68),
        new(0x7A, 0xD1, 0x51), new(0xA5, 0xDB, 0x36), new(0xD2, 0xE2, 0x1B), new(0xFD, 0xE7, 0x25),
    ];

    /// <summary>Returns the colour of a number from 0 to 1.</summary>
    public static Rgb At(float fraction)
    {
        float place = Math.Clamp(fraction, 0, 1) * (Colours.Length - 1);
        int first = Math.Min((int)place, Colours.Length - 2);
        return Rgb.Mix(Colours[first], Colours[first + 1], place - first);
    }
}

/// <summary>A colour.</summary>
internal readonly record struct Rgb(byte Red, byte Green, byte Blue)
{
    public const int Channels = 3;

    /// <summary>Brightness of a colour, weighted as in ITU-R BT.601.</summary>
    public static float Luma(byte red, byte green, byte blue) => 0.299f * red + 0.587f * green + 0.114f * blue;

    public static Rgb Mix(Rgb a, Rgb b, float share) =>
        new(Mix(a.Red, b.Red, share), Mix(a.Green, b.Green, share), Mix(a.Blue, b.Blue, share));

    /// <summary>Blends the colour over a gray pixel.</summary>
    public void Over(float gray, float opacity, Span<byte> pixel)
    {
        pixel[0] = Mix(gray, Red, opacity);
        pixel[1] = Mix(gray, Green, opacity);
        pixel[2] = Mix(gray, Blue, opacity);
    }

    private static byte Mix(float a, float b, float share) => (byte)(a + (b - a) * share + 0.5f);
}
