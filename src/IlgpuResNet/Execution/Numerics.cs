namespace IlgpuResNet.Execution;

/// <summary>How much rounding error a session may trade for speed. Either way everything is float32.</summary>
public enum Numerics
{
    /// <summary>
    /// The fastest algorithm for each layer. On the processor that is Winograd's for many 3x3 convolutions of stride 1. TO MEASURE
    /// </summary>
    Fast,

    /// <summary>
    /// Every product of a convolution's definition is computed. TO MEASURE
    /// </summary>
    Exact,
}
