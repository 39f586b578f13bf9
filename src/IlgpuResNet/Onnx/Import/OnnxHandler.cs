using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Imports one node: adds the graph's nodes that compute it, or computes a constant. The operators' classes list their handlers by name.
/// </summary>
/// <param name="op">The node with its inputs.</param>
/// <param name="builder">Takes the nodes.</param>
/// <param name="budget">Charged with the memory of constants.</param>
/// <returns>The node's value, or null when the order of dimensions in memory does not allow it; the node has the reason.</returns>
internal delegate ImportedValue? OnnxHandler(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget);
