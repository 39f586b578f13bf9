using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>A value of an ONNX graph while it is imported: an <see cref="Activation"/> or a <see cref="ConstantValue"/>.</summary>
internal abstract record ImportedValue
{
    private protected ImportedValue() { }

    /// <summary>Number of dimensions.</summary>
    public abstract int Rank { get; }

    /// <summary>True when the size of a dimension is known to be 1.</summary>
    public abstract bool IsOne(int dimension);
}

/// <summary>A value that does not depend on the network's input.</summary>
internal sealed record ConstantValue(StateTensor Tensor) : ImportedValue
{
    /// <inheritdoc/>
    public override int Rank => Tensor.Shape.Length;

    /// <inheritdoc/>
    public override bool IsOne(int dimension) => Tensor.Shape[dimension] == 1;
}
