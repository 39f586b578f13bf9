using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;

namespace IlgpuResNet.Execution;

/// <summary>
/// A session's memory on the host for what is on its way to or from a device: page-locked, so that copies need no other and nobody waits for them but the
/// one who wants the result. What lies in the processor's own memory has no way to go. Not thread-safe.
/// </summary>
internal sealed class HostStaging : IDisposable
{
    private readonly DeviceRuntime runtime;
    private readonly float[] floats;
    private readonly PageLockScope<float>? pageLock;

    /// <summary>Memory of so many floats.</summary>
    public HostStaging(DeviceRuntime runtime, long length)
    {
        this.runtime = runtime;
        floats = GC.AllocateUninitializedArray<float>(checked((int)length), pinned: true);
        if (runtime.Device.Kind is DeviceKind.Cpu) return;
        using ScopedAcceleratorBinding binding = runtime.Accelerator.BindScoped();
        pageLock = runtime.Accelerator.CreatePageLockFromPinned(floats);
    }

    /// <summary>How many there are.</summary>
    public int Length => floats.Length;

    /// <summary>The first of them.</summary>
    public Span<float> Floats(int count) => floats.AsSpan(0, count);

    /// <summary>Enqueues a copy of the first floats. Nothing waits for it: the stream keeps the order, and the download waits for all.</summary>
    public void Upload(AcceleratorStream stream, ArrayView<float> destination) =>
        destination.CopyFromCPUUnsafeAsync(stream, ref floats[0], destination.Length);

    /// <summary>Enqueues copies of all results that are wanted, then waits once.</summary>
    public void Download(AcceleratorStream stream, ImmutableArray<BoundOutput> outputs, int batch, in SessionResults results)
    {
        int staged = 0;
        for (int i = 0; i < outputs.Length; i++)
        {
            if (results.Destination(i).IsEmpty) continue;
            ArrayView<float> memory = outputs[i].OfImages(batch);
            if (!runtime.Memory(memory).IsEmpty) continue;
            memory.CopyToCPUUnsafeAsync(stream, ref floats[staged], memory.Length);
            staged += memory.IntLength;
        }
        stream.Synchronize();
        staged = 0;
        for (int i = 0; i < outputs.Length; i++)
        {
            Span<float> destination = results.Destination(i);
            if (destination.IsEmpty) continue;
            Span<float> memory = runtime.Memory(outputs[i].OfImages(batch));
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
