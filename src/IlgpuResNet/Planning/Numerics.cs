namespace IlgpuResNet;

/// <summary>How much rounding error a session may trade for speed. Weights and activations are float32 either way.</summary>
public enum Numerics
{
    /// <summary>
    /// The fastest algorithm for each layer. On the processor many 3x3 convolutions are computed by Winograd's minimal filtering (Lavin and
    /// Gray 2016, arXiv:1509.09308). Its rounding error in a layer is up to 2.2 times that of the definition, and a NaN or an infinity
    /// reaches up to three pixels further. A layer whose channels differ so much in magnitude that this would show is computed by the
    /// definition. The algorithms depend on the size of the image, so sessions of different image sizes may differ
    /// in their last bits; the batch changes nothing. On a GPU, which needs a batch to fill it, the algorithms and the splits of long sums
    /// also depend on <see cref="SessionOptions.MaxBatch"/>; the number of images in a run changes nothing.
    /// </summary>
    /// <remarks>
    /// Relative L2 error of the logits against PyTorch in double, full size, random weights (<c>compare_full_size.py</c>): ResNet-18
    /// 4.7e-7, ResNet-50 8.0e-7, ResNet-101 8.1e-7. With <see cref="Exact"/>: 4.6e-7, 8.3e-7, 8.2e-7, which equals the error of PyTorch's
    /// own float32.
    /// </remarks>
    Fast,

    /// <summary>
    /// Every product of a convolution's definition is computed, so that sessions of any image size and batch give the same bits for an
    /// image.
    /// </summary>
    Exact,
}
