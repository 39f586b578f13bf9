using ILGPU;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>An output in device memory.</summary>
/// <param name="View">Its shape.</param>
/// <param name="Memory">Its memory, for the largest batch.</param>
/// <param name="Steps">Steps that must have run for it.</param>
internal sealed record BoundOutput(TensorView View, ArrayView<float> Memory, int Steps)
{
    /// <summary>What the first images of a run leave.</summary>
    public ArrayView<float> OfImages(int batch) => Memory.SubView(0, batch * View.Count);

    public static BoundOutput Create(TensorView view, ExecutionPlan plan, ArrayView<float> arena)
    {
        TensorSlot slot = plan.Outputs[view.Tensor];
        int steps = plan.Steps.Length;
        while (steps > 0 && plan.Steps[steps - 1].Output.Offset != slot.Offset) steps--;
        return new BoundOutput(view, arena.SubView(slot.Offset, slot.Shape.Count * plan.MaxBatch), steps);
    }
}
