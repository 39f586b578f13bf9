using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;

namespace IlgpuResNet;

/// <summary>Name and shape of an input or output of an <see cref="InferenceSession"/>.</summary>
/// <param name="Name">Name of the tensor.</param>
/// <param name="Shape">Sizes for one image, without the batch, such as <c>[C, H, W]</c> or <c>[classes]</c>.</param>
/// <param name="HasBatch">
/// True when a batch comes before the shape; false for the rare network that computes across its images and takes one input per run.
/// </param>
public sealed record TensorInfo(string Name, ImmutableArray<int> Shape, bool HasBatch)
{
    /// <summary>Elements for one image.</summary>
    public int Length => Shape.Aggregate(1, (count, size) => count * size);

    /// <summary>The name and the shape, as in <c>logits [N, 1000]</c>.</summary>
    public override string ToString() => $"{FileText.Clean(Name)} [{(HasBatch ? "N, " : "")}{string.Join(", ", Shape)}]";

    internal static TensorInfo Of(TensorView view) => new(view.Name, view.Shape, view.HasBatch);
}
