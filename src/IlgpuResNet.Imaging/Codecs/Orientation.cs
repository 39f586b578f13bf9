namespace IlgpuResNet.Imaging;

/// <summary>The eight EXIF orientations: how a stored image must be mirrored and turned to stand upright.</summary>
internal static class Orientation
{
    private const int Channels = 3;

    /// <summary>The orientation of an image that is stored upright.</summary>
    public const int Upright = 1;

    /// <summary>Copies RGB24 pixels into upright order.</summary>
    /// <param name="stored">The pixels <c>[height, width, 3]</c>.</param>
    /// <param name="width">Stored width.</param>
    /// <param name="height">Stored height.</param>
    /// <param name="orientation">EXIF tag 0x0112: 2 mirrored, 3 turned by 180 degrees, 4 upside down, 5 to 8 with rows and columns exchanged.</param>
    public static PixelBuffer Apply(ReadOnlySpan<byte> stored, int width, int height, int orientation)
    {
        bool exchanged = orientation >= 5;
        bool fromRight = orientation is 2 or 3 or 7 or 8;
        bool fromBottom = orientation is 3 or 4 or 6 or 7;

        // Where the upright image's first pixel is stored, and how far its right and lower neighbours are.
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
