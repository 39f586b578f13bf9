using System.Collections.Immutable;

namespace IlgpuResNet.Graphs;

/// <summary>A network for inputs of one size: an optimised graph, and how its input and outputs look to users.</summary>
/// <param name="Graph">What runs; its outputs are the tensors of <paramref name="Outputs"/>.</param>
/// <param name="InputShape">Shape of one image of the input in memory.</param>
/// <param name="Input">The input.</param>
/// <param name="Outputs">What was asked for; of a classifier of which nothing was asked, the logits and the probabilities.</param>
/// <param name="IsClassifier">True when <paramref name="Outputs"/> are logits and probabilities.</param>
internal sealed record Network(Graph Graph, MapShape InputShape, TensorView Input, ImmutableArray<TensorView> Outputs, bool IsClassifier);
