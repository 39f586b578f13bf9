using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Execution;

/// <summary>
/// The upload of a run's floats and the download of its outputs, through host memory of a session's own. That memory is page-locked: copies
/// need no other buffer, and only the download waits for them. Where the host sees the device's memory, both work in place and copy
/// nothing to or from it. Not thread-safe.
/// </summary>
internal sealed class HostStaging : IDisposable
{
    private readonly DeviceRuntime runtime;
    private readonly float[] floats;
    private readonly PageLock? pageLock;

    /// <summary>Allocates the host memory.</summary>
    /// <param name="runtime">The device.</param>
    /// <param name="length">Floats on their way at once, at most.</param>
    public HostStaging(DeviceRuntime runtime, long length)
    {
        this.runtime = runtime;
        floats = GC.AllocateUninitializedArray<float>(checked((int)length), pinned: true);
        if (runtime.Kernels.HostVisible) return;
        using DeviceBinding binding = runtime.Bind();
        pageLock = PageLock.Create(runtime.Accelerator, floats);
    }

    /// <summary>Floats of host memory.</summary>
    public int Length => floats.Length;

    /// <inheritdoc cref="PageLock.Refusal"/>
    public string? PageLockRefusal => pageLock?.Refusal;

    /// <summary>Brings values to the device in memory's order. Nothing waits for the copy: the stream keeps the order.</summary>
    /// <param name="stream">Where the copy is enqueued.</param>
    /// <param name="view">The tensor.</param>
    /// <param name="values">Whole images in their users' order.</param>
    /// <param name="destination">The tensor's memory, for these images or more.</param>
    public void Upload(AcceleratorStream stream, TensorView view, ReadOnlySpan<float> values, ArrayView<float> destination)
    {
        ArrayView<float> memory = destination.SubView(0, values.Length);
        Span<float> host = runtime.HostSpan(memory);
        if (!host.IsEmpty)
        {
            view.Scatter(values, host);
            return;
        }
        view.Scatter(values, floats.AsSpan(0, values.Length));
        memory.CopyFromCPUUnsafeAsync(stream, ref floats[0], memory.Length);
    }

    /// <summary>Enqueues copies of all wanted outputs, waits once, and writes them in their users' order.</summary>
    /// <param name="stream">The stream that computes them.</param>
    /// <param name="outputs">The outputs.</param>
    /// <param name="batch">Images of the run.</param>
    /// <param name="destinations">Receive the outputs.</param>
    public void Download(AcceleratorStream stream, ImmutableArray<BoundOutput> outputs, int batch, in RunDestinations destinations)
    {
        int staged = 0;
        for (int i = 0; i < outputs.Length; i++)
        {
            if (destinations[i].IsEmpty) continue;
            ArrayView<float> memory = outputs[i].OfImages(batch);
            if (!runtime.HostSpan(memory).IsEmpty) continue;
            memory.CopyToCPUUnsafeAsync(stream, ref floats[staged], memory.Length);
            staged += memory.IntLength;
        }
        stream.Synchronize();
        staged = 0;
        for (int i = 0; i < outputs.Length; i++)
        {
            Span<float> destination = destinations[i];
            if (destination.IsEmpty) continue;
            Span<float> memory = runtime.HostSpan(outputs[i].OfImages(batch));
            if (memory.IsEmpty)
            {
                memory = floats.AsSpan(staged, destination.Length);
                staged += memory.Length;
            }
            if (outputs[i].View.IsContiguous) memory.CopyTo(destination);
            else outputs[i].View.Gather(memory, destination);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => pageLock?.Dispose();
}
