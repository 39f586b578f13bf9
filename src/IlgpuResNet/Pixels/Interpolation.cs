namespace IlgpuResNet;

/// <summary>Resampling filters of Pillow. All but <see cref="Nearest"/> are antialiased.</summary>
public enum Interpolation
{
    /// <summary>Triangle filter, support 1.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, support 2.</summary>
    Bicubic,

    /// <summary>The pixel under the centre of the new one.</summary>
    Nearest,

    /// <summary>Mean of the pixels under the new one, support 0.5.</summary>
    Box,

    /// <summary>Windowed sinc of Hamming, support 1.</summary>
    Hamming,

    /// <summary>Windowed sinc of Lanczos with three lobes, support 3.</summary>
    Lanczos,
}
