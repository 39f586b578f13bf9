using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Operations that a step applies to each value after its reduction, in this order: <c>v * Scale[c] + Shift[c]</c>, ReLU if
/// <see cref="ReluBeforeAdd"/>, residual add if <see cref="HasResidual"/>, ReLU if <see cref="Relu"/>, <see cref="Activation"/>,
/// <see cref="Clip"/>. Scale and shift
/// stay double until they are uploaded.
/// </summary>
public sealed record EpilogueSpec
{
    /// <summary>An epilogue that leaves values unchanged.</summary>
    public static EpilogueSpec Identity { get; } = new();

    /// <summary>Factor per output channel, or null for 1.</summary>
    public ImmutableArray<double>? Scale { get; init; }

    /// <summary>Summand per output channel, or null for 0.</summary>
    public ImmutableArray<double>? Shift { get; init; }

    /// <summary>True when a ReLU comes before the residual add.</summary>
    public bool ReluBeforeAdd { get; init; }

    /// <summary>True when the node's second input is added as a residual.</summary>
    public bool HasResidual { get; init; }

    /// <summary>True when a ReLU comes after the residual add.</summary>
    public bool Relu { get; init; }

    /// <summary>Function of the result, or null for none.</summary>
    public ActivationFunction? Activation { get; init; }

    /// <summary>Factors of negative values per channel, for <see cref="ActivationKind.PRelu"/>; else null.</summary>
    public ImmutableArray<double>? Slopes { get; init; }

    /// <summary>Lower and upper limit of the result, or null for none; 0 and 6 are ReLU6.</summary>
    public (double Min, double Max)? Clip { get; init; }

    private bool IsAffine => !HasResidual && !Relu && Activation is null && Clip is null;

    /// <summary>The function in canonical form: without a residual add, a ReLU always counts as the last one.</summary>
    private EpilogueSpec Canonical => ReluBeforeAdd && !HasResidual ? this with { ReluBeforeAdd = false, Relu = true } : this;

    /// <summary>
    /// Combines this epilogue and a following one into a single epilogue, if one can express both. A scale after a ReLU or a residual, a
    /// second residual, anything but a clip after an activation, and anything after a clip cannot be expressed.
    /// </summary>
    public bool TryThen(EpilogueSpec next, [NotNullWhen(true)] out EpilogueSpec? both) =>
        Canonical.TryThenCanonical(next.Canonical, out both);

    private bool TryThenCanonical(EpilogueSpec next, [NotNullWhen(true)] out EpilogueSpec? both)
    {
        both = null;
        bool nextScales = next.Scale is not null || next.Shift is not null;
        if (nextScales && !IsAffine) return false;
        if (next.HasResidual && HasResidual) return false;
        if (Clip is not null) return false;
        if (Activation is not null && (next.HasResidual || next.Relu || next.Activation is not null)) return false;

        // Two ReLUs in a row equal one, so this epilogue's last ReLU and the next one's first become one.
        both = new EpilogueSpec
        {
            Scale = Multiply(Scale, next.Scale),
            Shift = nextScales ? Affine(Shift, next.Scale, next.Shift) : Shift,
            ReluBeforeAdd = next.HasResidual ? Relu || next.ReluBeforeAdd : ReluBeforeAdd,
            HasResidual = HasResidual || next.HasResidual,
            Relu = next.HasResidual ? next.Relu : Relu || next.Relu,
            Activation = next.Activation ?? Activation,
            Slopes = next.Slopes ?? Slopes,
            Clip = next.Clip,
        };
        return true;
    }

    private static ImmutableArray<double>? Multiply(ImmutableArray<double>? a, ImmutableArray<double>? b) =>
        a is null ? b : b is null ? a : Combine(a.Value, b.Value, static (x, y) => x * y);

    private static ImmutableArray<double>? Affine(
        ImmutableArray<double>? shift, ImmutableArray<double>? scale, ImmutableArray<double>? summand)
    {
        ImmutableArray<double>? scaled = shift is null ? null : Multiply(shift, scale);
        return scaled is null ? summand : summand is null ? scaled : Combine(scaled.Value, summand.Value, static (x, y) => x + y);
    }

    private static ImmutableArray<double> Combine(
        ImmutableArray<double> a, ImmutableArray<double> b, Func<double, double, double> operation)
    {
        double[] result = new double[a.Length];
        for (int i = 0; i < result.Length; i++) result[i] = operation(a[i], b[i]);
        return ImmutableCollectionsMarshal.AsImmutableArray(result);
    }
}
