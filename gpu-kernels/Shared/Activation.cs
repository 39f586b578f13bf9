using ILGPU.Algorithms;

namespace IlgpuResNet.Kernels;

/// <summary>
/// The activation of an <see cref="Epilogue"/> other than ReLU, by its code, which kernels take as a number. Kernels without one are
/// instances of their own, so that an activation costs ReLU's kernels nothing.
/// </summary>
internal static class Activation
{
    /// <summary>No activation.</summary>
    public const int None = 0;

    /// <summary><c>1 / (1 + exp(-x))</c>.</summary>
    public const int Sigmoid = 1;

    /// <summary><c>x * sigmoid(x)</c> (Elfwing et al. 2017; also called swish).</summary>
    public const int Silu = 2;

    /// <summary><c>min(max(alpha * x + beta, 0), 1)</c>.</summary>
    public const int HardSigmoid = 3;

    /// <summary><c>x * min(max(x / 6 + 1 / 2, 0), 1)</c> (Howard et al. 2019).</summary>
    public const int HardSwish = 4;

    /// <summary><c>x &lt; 0 ? alpha * x : x</c>.</summary>
    public const int LeakyRelu = 5;

    /// <summary><see cref="LeakyRelu"/> with a slope for each channel, in place of the filter (He et al. 2015).</summary>
    public const int PRelu = 6;

    /// <summary><c>alpha * x * (1 + erf(x / sqrt(2)))</c>; alpha is 1/2 for GELU (Hendrycks and Gimpel 2016).</summary>
    public const int Gelu = 7;

    /// <summary><c>alpha * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))</c>, GELU's approximation.</summary>
    public const int GeluTanh = 8;

    /// <summary>The error function.</summary>
    public const int Erf = 9;

    /// <summary>The hyperbolic tangent.</summary>
    public const int Tanh = 10;

    /// <summary>The square root.</summary>
    public const int Sqrt = 11;

    /// <summary><c>x</c> to the power alpha; NaN for a negative <c>x</c>.</summary>
    public const int Pow = 12;

    /// <summary>The exponential.</summary>
    public const int Exp = 13;

    /// <summary>The natural logarithm.</summary>
    public const int Log = 14;

    private const float HalfSqrt = 0.70710678118654752f;
    private const float SqrtTwoByPi = 0.79788456080286536f;
    private const float CubeOfGelu = 0.044715f;

    /// <summary>Computes an activation of one value; a NaN stays a NaN.</summary>
    /// <param name="code">One of the constants above.</param>
    /// <param name="alpha">Its first parameter; of <see cref="PRelu"/> the channel's slope.</param>
    /// <param name="beta">Its second parameter.</param>
    /// <param name="x">The value.</param>
    public static float Of(int code, float alpha, float beta, float x)
    {
        if (code == LeakyRelu || code == PRelu) return x < 0f ? alpha * x : x;
        if (code == Sigmoid) return 1f / (1f + XMath.Exp(-x));
        if (code == Silu) return x / (1f + XMath.Exp(-x));
        if (code == HardSigmoid) return ToUnit(alpha * x + beta);
        if (code == HardSwish) return x * ToUnit(x * (1f / 6f) + 0.5f);
        if (code == Gelu) return alpha * x * (1f + ErfOf(x * HalfSqrt));
        if (code == GeluTanh) return alpha * x * (1f + TanhOf(SqrtTwoByPi * (x + CubeOfGelu * x * x * x)));
        if (code == Erf) return ErfOf(x);
        if (code == Tanh) return TanhOf(x);
        if (code == Sqrt) return XMath.Sqrt(x);
        // By the logarithm: ILGPU's own power computes in double, which not every GPU has.
        if (code == Pow) return XMath.Exp(alpha * XMath.Log(x));
        if (code == Exp) return XMath.Exp(x);
        if (code == Log) return XMath.Log(x);
        return x;
    }

    private static float ToUnit(float value)
    {
        float raised = value < 0f ? 0f : value;
        return raised > 1f ? 1f : raised;
    }

    /// <summary>
    /// The error function: its series near 0, elsewhere Abramowitz and Stegun's 7.1.26, whose absolute error is below 1.5e-7.
    /// </summary>
    private static float ErfOf(float x)
    {
        const float NearZero = 0.5f;
        float size = x < 0f ? -x : x;
        if (size < NearZero)
        {
            // 2 / sqrt(pi) * sum of (-1)^n x^(2n + 1) / (n! (2n + 1)), up to x^11.
            float s = x * x;
            float series = ((((-s / 1320f + 1f / 216f) * s - 1f / 42f) * s + 1f / 10f) * s - 1f / 3f) * s + 1f;
            return 1.12837916709551257f * x * series;
        }
        float t = 1f / (1f + 0.3275911f * size);
        float polynomial = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
        float result = 1f - polynomial * XMath.Exp(-(size * size));
        return x < 0f ? -result : result;
    }

    /// <summary>The hyperbolic tangent: its series near 0, elsewhere by the exponential.</summary>
    private static float TanhOf(float x)
    {
        const float NearZero = 0.25f;
        if (x > -NearZero && x < NearZero)
        {
            float s = x * x;
            return x * ((((62f / 2835f * s - 17f / 315f) * s + 2f / 15f) * s - 1f / 3f) * s + 1f);
        }
        return 1f - 2f / (XMath.Exp(2f * x) + 1f);
    }
}
