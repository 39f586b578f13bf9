namespace IlgpuResNet.Kernels;

/// <summary>
/// Where the colours of a pixel lie: red at <c>pixel * BytesPerPixel + Red</c>, and so on; all three offsets are equal for gray.
/// </summary>
/// <param name="BytesPerPixel">Bytes from one pixel to the next.</param>
/// <param name="Red">Offset of the red byte.</param>
/// <param name="Green">Offset of the green byte.</param>
/// <param name="Blue">Offset of the blue byte.</param>
internal readonly record struct PixelLayout(int BytesPerPixel, int Red, int Green, int Blue);
