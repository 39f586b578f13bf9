namespace IlgpuResNet.Graphs;

/// <summary>Functions of one value that networks apply besides ReLU.</summary>
public enum ActivationKind
{
    /// <summary><c>1 / (1 + exp(-x))</c>.</summary>
    Sigmoid = 1,

    /// <summary><c>x * sigmoid(x)</c>, also called swish (Elfwing et al. 2017).</summary>
    Silu = 2,

    /// <summary><c>min(max(alpha * x + beta, 0), 1)</c>.</summary>
    HardSigmoid = 3,

    /// <summary><c>x * min(max(x / 6 + 1 / 2, 0), 1)</c> (Howard et al. 2019).</summary>
    HardSwish = 4,

    /// <summary><c>x &lt; 0 ? alpha * x : x</c>.</summary>
    LeakyRelu = 5,

    /// <summary><c>x &lt; 0 ? slope[c] * x : x</c> with <see cref="EpilogueSpec.Slopes"/> (He et al. 2015).</summary>
    PRelu = 6,

    /// <summary><c>alpha * x * (1 + erf(x / sqrt(2)))</c>; alpha is 1/2 for GELU (Hendrycks and Gimpel 2016).</summary>
    Gelu = 7,

    /// <summary><c>alpha * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))</c>, GELU's approximation.</summary>
    GeluTanh = 8,

    /// <summary>The error function.</summary>
    Erf = 9,

    /// <summary>The hyperbolic tangent.</summary>
    Tanh = 10,

    /// <summary>The square root.</summary>
    Sqrt = 11,

    /// <summary><c>x</c> to the power alpha; NaN for a negative <c>x</c>.</summary>
    Pow = 12,

    /// <summary>The exponential.</summary>
    Exp = 13,

    /// <summary>The natural logarithm.</summary>
    Log = 14,
}

/// <summary>A function of one value with its parameters.</summary>
/// <param name="Kind">The function.</param>
/// <param name="Alpha">Its first parameter.</param>
/// <param name="Beta">Its second parameter.</param>
public readonly record struct ActivationFunction(ActivationKind Kind, double Alpha = 0, double Beta = 0);
