namespace IlgpuResNet.Imaging;

/// <summary>Turns images upright by the eight EXIF orientations.</summary>
internal static class Orientation
{
    private const int Channels = 3;

    /// <summary>Orientation of an image that is stored upright.</summary>
    public const int Upright = 1;

    /// <summary>Copies RGB24 pixels into upright order.</summary>
    /// <param name="stored">Stored pixels, <c>[height, width, 3]</c>.</param>
    /// <param name="width">Stored width in pixels.</param>
    /// <param name="height">Stored height in pixels.</param>
    /// <param name="orientation">
    /// EXIF tag 0x0112: 2 is mirrored, 3 rotated by 180 degrees, 4 upside down, 5 to 8 have rows and columns exchanged.
    /// </param>
    public static PixelBuffer Apply(ReadOnlySpan<byte> stored, int width, int height, int orientation)
    {
        bool exchanged = orientation >= 5;
        bool fromRight = orientation is 2 or 3 or 7 or 8;
        bool fromBottom = orientation is 3 or 4 or 6 or 7;

        // Position of the upright image's first pixel, and distances to its right and lower neighbours, in stored bytes.
        int start = ((fromBottom ? height - 1 : 0) * width + (fromRight ? width - 1 : 0)) * Channels;
        int storedX = (fromRight ? -1 : 1) * Channels;
        int storedY = (fromBottom ? -1 : 1) * width * Channels;
        (int stepX, int stepY) = exchanged ? (storedY, storedX) : (storedX, storedY);
        (int uprightWidth, int uprightHeight) = exchanged ? (height, width) : (width, height);

        byte[] upright = GC.AllocateUninitializedArray<byte>(width * height * Channels);
        int target = 0;
        for (int y = 0; y < uprightHeight; y++)
        {
            int source = start + y * stepY;
            for (int x = 0; x < uprightWidth; x++)
            {
                upright[target] = stored[source];
                upright[target + 1] = stored[source + 1];
                upright[target + 2] = stored[source + 2];
                target += Channels;
                source += stepX;
            }
        }
        return new PixelBuffer(upright, uprightWidth, uprightHeight);
    }
}
