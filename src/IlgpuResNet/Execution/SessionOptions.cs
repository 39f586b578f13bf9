using System.Collections.Immutable;
using IlgpuResNet.Kernels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace IlgpuResNet;

/// <summary>What an <see cref="InferenceSession"/> is built for; fixed for its life.</summary>
public sealed record SessionOptions
{
    /// <summary>The most images one run takes. Activation memory grows with it.</summary>
    public int MaxBatch { get; init; } = 1;

    /// <summary>Height of the network's input in pixels, or null for what the network is made for.</summary>
    public int? Height { get; init; }

    /// <summary>Width of the network's input in pixels, or null for what the network is made for.</summary>
    public int? Width { get; init; }

    /// <summary>How much rounding error may be traded for speed.</summary>
    public Numerics Numerics { get; init; }

    /// <summary>
    /// Threads that work on a run on the processor, from 1 to <see cref="Environment.ProcessorCount"/>, or null for that many. They
    /// change no bit of a result. Ignored on any other device, a processor behind OpenCL included.
    /// </summary>
    /// <remarks>
    /// All sessions on the processor share its threads and take turns, whole runs at a time, so several sessions never have more threads
    /// at work than the one of them with the most; what a calling thread does itself, to bring its images in and its results out, comes
    /// on top. Two sessions of one thread each do not run side by side.
    /// </remarks>
    public int? Threads { get; init; }

    /// <summary>
    /// A file that keeps which kernels were the fastest on this device, or null, the default, to trust a model of it. With one, a session times each
    /// convolution that the file does not know for this device, driver and version of the library with every kernel that may be the fastest, before it
    /// is made, which takes seconds to minutes, and writes the file anew. A file that is damaged, not such a file, or cannot be written is
    /// left alone, and one of <see cref="InferenceSession.Warnings"/> says so.
    /// </summary>
    /// <remarks>
    /// What is timed varies: two sessions that find different kernels may differ in their last bits, except with <see cref="Numerics.Exact"/>.
    /// </remarks>
    public string? TuningFile { get; init; }

    /// <summary>
    /// Names of the tensors that runs give, such as <c>layer3</c> or <c>avgpool</c>, or those of an ONNX file; empty for what the
    /// network is made to give. Only what they need is computed and kept.
    /// </summary>
    public ImmutableArray<string> Outputs { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The kernels of another session of the same plan, to be taken without choosing or timing; the default to choose.</summary>
    internal ImmutableArray<Conv2dMethod> StepMethods { get; init; }

    /// <summary>
    /// Is told of planning, preparing, the first run and warnings about weights (levels debug and warning), and of every run (trace).
    /// <see cref="Diagnostics.Telemetry"/> measures the same.
    /// </summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;
}
