using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>
/// One operation of a <see cref="Graph"/>. Names are PyTorch module paths, such as <c>layer1.0.conv1</c>, or those of an ONNX file.
/// </summary>
public abstract record Node
{
    /// <summary>PyTorch module path, or the node's name in its ONNX file.</summary>
    public required string Name { get; init; }

    /// <summary>Names of the tensors that the node reads.</summary>
    public required ImmutableArray<string> Inputs { get; init; }

    /// <summary>Name of the tensor that the node writes.</summary>
    public required string Output { get; init; }

    /// <summary>Computes the shape of the output from those of the inputs.</summary>
    /// <exception cref="GraphException">The inputs do not fit this node.</exception>
    public abstract MapShape InferShape(ReadOnlySpan<MapShape> inputs);

    /// <summary>Number of multiply-accumulate operations per image.</summary>
    public virtual long Macs(MapShape input, MapShape output) => 0;

    private protected GraphException Mismatch(string expected, MapShape found) =>
        new($"{FileText.Clean(Name)}: expected {expected}, but its input is {found}. "
            + "Check the weights against the network, and the size of the image.");
}

/// <summary>A node that applies an <see cref="EpilogueSpec"/> to its result; its second input, if any, is the residual.</summary>
public abstract record EpilogueNode : Node
{
    /// <summary>Operations applied to each value before it is stored.</summary>
    public EpilogueSpec Epilogue { get; init; } = EpilogueSpec.Identity;

    /// <summary>Weight of the node's reduction, or null when it has none.</summary>
    public virtual StateTensor? Filter => null;

    private protected MapShape CheckResidual(ReadOnlySpan<MapShape> inputs, MapShape output) =>
        inputs.Length == 1 || inputs[1] == output ? output : throw Mismatch($"a residual of the output's shape {output}", inputs[1]);
}
