using System.Collections.Immutable;
using IlgpuResNet.Kernels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IlgpuResNet;

/// <summary>Options of an <see cref="InferenceSession"/>; they hold for its whole life.</summary>
public sealed record SessionOptions
{
    /// <summary>Most images that one run takes. Activation memory grows with it.</summary>
    public int MaxBatch { get; init; } = 1;

    /// <summary>Height of the network's input in pixels, or null for the network's own.</summary>
    public int? Height { get; init; }

    /// <summary>Width of the network's input in pixels, or null for the network's own.</summary>
    public int? Width { get; init; }

    /// <summary>Whether speed may cost additional rounding errors.</summary>
    public Numerics Numerics { get; init; }

    /// <summary>
    /// Threads that work on a run on the processor, from 1 to <see cref="Environment.ProcessorCount"/>; null, the default, for all. The
    /// number changes no bit of a result. Other devices ignore it, including a processor that is reached through OpenCL.
    /// </summary>
    /// <remarks>
    /// All sessions on the processor share its threads and take turns, a whole run at a time. Several sessions therefore never have more
    /// threads at work than the session with the most; the calling thread's own work, which brings images in and results out, comes on top.
    /// Two sessions of one thread each do not run side by side.
    /// </remarks>
    public int? Threads { get; init; }

    /// <summary>
    /// A file that keeps the fastest kernel of each convolution on this device, or null, the default, to choose by a model of the device.
    /// With a file, a new session times every promising kernel for each convolution that the file does not list for this device, driver and
    /// version of the library, which takes seconds to minutes, and rewrites the file. A file that is damaged, is not a tuning file, or
    /// cannot be written is left alone, and one of <see cref="InferenceSession.Warnings"/> says so.
    /// </summary>
    /// <remarks>
    /// Timings vary: two sessions that find different kernels may differ in their last bits, except with <see cref="Numerics.Exact"/>.
    /// </remarks>
    public string? TuningFile { get; init; }

    /// <summary>
    /// Names of the tensors that runs give, such as <c>layer3</c> or <c>avgpool</c>, or names of an ONNX file; empty for the network's own
    /// outputs. Only the steps that they need are computed, and only they are kept.
    /// </summary>
    public ImmutableArray<string> Outputs { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>
    /// Most bytes that the session may allocate for weights and activations together. Null, the default, limits what a file decides by
    /// itself, so that a few hundred bytes cannot ask for gigabytes: packed weights to 512 MiB and 16 times the file's length, activations
    /// to 512 MiB and 2 KiB for each pixel of a batch. These pixels are those of the size that the program asks for, by
    /// <see cref="Height"/> and <see cref="Width"/> or a preset of its own; a size that comes from the file counts as 224x224 at most. A
    /// network that is made in memory has no limit. <see cref="long.MaxValue"/> lifts the limit.
    /// </summary>
    public long? MemoryLimit { get; init; }

    /// <summary>The methods of another session of the same plan, taken without choosing or timing; the default to choose.</summary>
    internal ImmutableArray<Conv2dMethod> StepMethods { get; init; }

    /// <summary>
    /// Receives lines about planning, preparing, the first run and warnings about weights (levels debug and warning), and about every run
    /// (trace). <see cref="Diagnostics.Telemetry"/> measures the same steps.
    /// </summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
