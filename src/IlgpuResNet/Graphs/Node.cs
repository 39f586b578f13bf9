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

/// <summary>2-D convolution with a filter <c>[K, C / Groups, R, S]</c> and zero padding (PyTorch, <c>torch.nn.Conv2d</c>).</summary>
public sealed record Conv2dNode : EpilogueNode
{
    /// <summary>The filter, <c>[K, C / Groups, R, S]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Summand per output channel <c>[K]</c>, or null.</summary>
    public StateTensor? Bias { get; init; }

    /// <inheritdoc/>
    public override StateTensor Filter => Weight;

    /// <summary>Stride, dilation and padding.</summary>
    public SlidingWindow Window { get; init; } = new();

    /// <summary>Number of channel groups; each output channel reads the input channels of its own group. Divides C and K.</summary>
    public int Groups { get; init; } = 1;

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        int k = Weight.Shape[0], r = Weight.Shape[2], s = Weight.Shape[3];
        if (x.C != (long)Weight.Shape[1] * Groups || k % Groups != 0) throw Mismatch($"{(long)Weight.Shape[1] * Groups} channels", x);
        if (Window.Place(x, r, s) is not { } place) throw Mismatch(Window.Smallest(r, s), x);
        return CheckResidual(inputs, new MapShape(place.P, place.Q, k));
    }

    /// <inheritdoc/>
    public override long Macs(MapShape input, MapShape output) => output.Count * Weight.Shape[1] * Weight.Shape[2] * Weight.Shape[3];
}

/// <summary>
/// Fully connected layer over the channels of every pixel, with a weight <c>[out, in]</c> (PyTorch, <c>torch.nn.Linear</c>).
/// </summary>
public sealed record LinearNode : EpilogueNode
{
    /// <summary>The weight, <c>[out, in]</c>.</summary>
    public required StateTensor Weight { get; init; }

    /// <summary>Summand per output <c>[out]</c>, or null.</summary>
    public StateTensor? Bias { get; init; }

    /// <inheritdoc/>
    public override StateTensor Filter => Weight;

    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        MapShape x = inputs[0];
        if (x.C != Weight.Shape[1]) throw Mismatch($"{Weight.Shape[1]} features", x);
        return CheckResidual(inputs, x with { C = Weight.Shape[0] });
    }

    /// <inheritdoc/>
    public override long Macs(MapShape input, MapShape output) => input.Count * output.C;
}

/// <summary>An epilogue of its own: a batch norm, ReLU or residual add that could not be fused into a convolution.</summary>
public sealed record PointwiseNode : EpilogueNode
{
    /// <inheritdoc/>
    public override MapShape InferShape(ReadOnlySpan<MapShape> inputs)
    {
        if ((Epilogue.Scale ?? Epilogue.Shift) is { } constants && constants.Length != inputs[0].C)
            throw Mismatch($"{constants.Length} channels", inputs[0]);
        return CheckResidual(inputs, inputs[0]);
    }
}
