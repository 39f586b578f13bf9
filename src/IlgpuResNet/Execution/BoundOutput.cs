using ILGPU;
using IlgpuResNet.Graphs;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>A tensor in device memory that a run downloads.</summary>
/// <param name="View">Its shape and the order in which its users see it.</param>
/// <param name="Memory">Its memory, for the largest batch.</param>
/// <param name="Steps">Number of the plan's steps, from the first, that must have run to compute it.</param>
internal sealed record BoundOutput(TensorView View, ArrayView<float> Memory, int Steps)
{
    /// <summary>The memory of the first images.</summary>
    public ArrayView<float> OfImages(int batch) => Memory.SubView(0, batch * View.Count);

    /// <summary>Finds an output of a plan in its arena.</summary>
    public static BoundOutput Create(TensorView view, ExecutionPlan plan, ArrayView<float> arena)
    {
        TensorSlot slot = plan.Outputs[view.Tensor];
        int steps = plan.Steps.Length;
        while (steps > 0 && plan.Steps[steps - 1].Output.Offset != slot.Offset) steps--;
        return new BoundOutput(view, arena.SubView(slot.Offset, slot.Shape.Count * plan.MaxBatch), steps);
    }
}
