using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>A network for inputs of one size: an optimised graph, and views of its input and outputs as callers see them.</summary>
/// <param name="Graph">Graph to execute; its outputs are the tensors of <paramref name="Outputs"/>.</param>
/// <param name="InputShape">Shape of one image of the input in memory.</param>
/// <param name="Input">View of the input.</param>
/// <param name="Outputs">Views of the requested outputs; for a classifier without a request, the logits and the probabilities.</param>
/// <param name="IsClassifier">True when <paramref name="Outputs"/> are logits and probabilities.</param>
internal sealed record Network(Graph Graph, MapShape InputShape, TensorView Input, ImmutableArray<TensorView> Outputs, bool IsClassifier);
