using ILGPU.Runtime;
using IlgpuResNet.Devices;

namespace IlgpuResNet.Execution;

/// <summary>
/// Memory and a stream that a session has on its device, and its pinned host memory, part by part as they are made. They refer neither to
/// the session nor to its network, so that both can be collected while the parts wait to be freed.
/// </summary>
/// <param name="runtime">The opened device, which counts the session.</param>
internal sealed class SessionParts(DeviceRuntime runtime)
{
    private int freed;

    /// <summary>The opened device.</summary>
    public DeviceRuntime Runtime => runtime;

    /// <summary>The weights, which sessions share.</summary>
    public DeviceWeights? Weights { get; set; }

    /// <summary>The queue of launches and copies.</summary>
    public AcceleratorStream? Stream { get; set; }

    /// <summary>The activations and the workspace.</summary>
    public DeviceMemory? Arena { get; set; }

    /// <summary>Host memory of floats on their way to or from the device.</summary>
    public HostStaging? Staging { get; set; }

    /// <summary>Prepares images as network input.</summary>
    public Preprocessor? Preprocessor { get; set; }

    /// <summary>
    /// Frees every part that was made, also after one has failed, and gives the device back. May be called again, by any thread.
    /// </summary>
    public void Free()
    {
        if (Interlocked.Exchange(ref freed, 1) != 0) return;
        try
        {
            // A run that failed may have left copies under way, which must end before their memory goes.
            runtime.Free(() => Stream?.Synchronize());
            runtime.Free(() => Preprocessor?.Dispose());
            runtime.Free(() => Staging?.Dispose());
            runtime.Free(() => Arena?.Dispose());
            runtime.Free(() => Stream?.Dispose());
            runtime.Free(ReleaseWeights);
        }
        finally
        {
            runtime.Release();
        }
    }

    /// <summary>Gives the weights back, which are freed with the last session that shares them.</summary>
    public void ReleaseWeights()
    {
        if (Weights is not { } weights) return;
        Weights = null;
        SharedWeights.Of(runtime).Release(weights);
    }
}
