using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>
/// A plan brought to a device: its kernels compiled, its weights packed and uploaded, an arena for its activations, and its steps bound to them.
/// Launching it allocates, compiles and looks up nothing. Not thread-safe.
/// </summary>
internal sealed class BoundPlan : IDisposable
{
    /// <summary>What has run so often will run on: from here on its memory may cost something to make faster.</summary>
    private const int ManyRuns = 10;

    private readonly DeviceRuntime runtime;
    private readonly ExecutionPlan plan;
    private readonly DeviceWeights weights;
    private readonly DeviceMemory arena;
    private readonly ImmutableArray<BoundStep> steps;
    private readonly Action<int, int, int> launch;
    private int runs;

    /// <summary>Allocates and compiles all that a run needs.</summary>
    /// <exception cref="DeviceException">The device has too little memory, or a kernel cannot be compiled.</exception>
    /// <exception cref="ResNetException">The weights cannot be read any more, or the model's preset makes no input.</exception>
    public BoundPlan(Model model, Network network, DeviceRuntime runtime, ExecutionPlan plan, SessionOptions options, int? threads)
    {
        this.runtime = runtime;
        this.plan = plan;
        launch = Launch;
        Task? loading = null;
        try
        {
            TuningFile? tuning = options is { TuningFile: { } path, StepMethods.IsDefault: true } ? TuningFile.Open(path) : null;
            StepMethods = !options.StepMethods.IsDefault ? options.StepMethods
                : tuning is null ? MethodSelector.Choose(runtime.Kernels.Planner, plan, options.Numerics)
                : runtime.Tune(plan, options.Numerics, tuning);
            // A GPU's driver compiles them while the weights are packed and uploaded.
            loading = BoundStep.LoadAsync(runtime.Kernels, plan, StepMethods);
            weights = runtime.AcquireWeights(network.Graph, plan, StepMethods, threads);
            Warnings = [.. weights.Warnings.Select(warning => $"{model.Weights.Source}: {warning}")];
            if (tuning?.Warning is { } warning) Warnings = [.. Warnings, warning];
            Stream = runtime.Accelerator.CreateStream();
            // Behind the activations, what steps need for themselves.
            long workspaceLength = BoundStep.WorkspaceLength(runtime.Kernels, plan, StepMethods);
            arena = runtime.Allocate(plan.ArenaLength + workspaceLength, $"the activations of {plan.MaxBatch} images");
            ArrayView<float> view = arena.View, workspace = workspaceLength == 0 ? default : view.SubView(plan.ArenaLength, workspaceLength);
            steps = BoundStep.Create(runtime.Kernels, plan, StepMethods, view, workspace, weights);
            Outputs = [.. network.Outputs.Select(output => BoundOutput.Create(output, plan, view))];
            Input = view.SubView(plan.Input.Offset, plan.Input.Shape.Count * plan.MaxBatch);
            // The processor's memory needs none for results, and none for its input but where images are only prepared.
            long downloaded = runtime.Device.Kind is DeviceKind.Cpu ? 0 : Outputs.Sum(output => (long)output.View.Count * plan.MaxBatch);
            Staging = new HostStaging(runtime, Math.Max(Input.Length, downloaded));
            runtime.WaitForKernels(loading);
            Preprocessor = new Preprocessor(runtime.Accelerator, Stream, model.Preset, runtime.Kernels);
        }
        catch (Exception e)
        {
            // The kernels stay with the device. Should one fail as well, this failure is the one to tell.
            loading?.ContinueWith(static failed => failed.Exception, TaskContinuationOptions.OnlyOnFaulted);
            Staging?.Dispose();
            arena?.Dispose();
            Stream?.Dispose();
            if (weights is not null) runtime.ReleaseWeights(weights);
            if (e is ResNetException or ObjectDisposedException) throw;
            throw new DeviceException($"{runtime.Device.Id}: a session of {model.Name} for {plan.MaxBatch} images cannot be made: {DeviceRuntime.FirstLine(e)} Use a smaller batch or image, or another device.", e);
        }
    }

    /// <summary>How each step is computed, in order; the default where it is no convolution.</summary>
    public ImmutableArray<Conv2dMethod> StepMethods { get; }

    /// <summary>What is suspicious about the weights, or wrong with the tuning file, one line each.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>What packing and uploading its weights took the session that did it.</summary>
    public TimeSpan WeightsTime => weights.Duration;

    /// <summary>The queue of its launches and copies.</summary>
    public AcceleratorStream Stream { get; }

    /// <summary>Where its input lies, for the largest batch.</summary>
    public ArrayView<float> Input { get; }

    /// <summary>Where its outputs lie.</summary>
    public ImmutableArray<BoundOutput> Outputs { get; }

    /// <summary>What is on its way to or from the device.</summary>
    public HostStaging Staging { get; }

    /// <summary>Makes input of images.</summary>
    public Preprocessor Preprocessor { get; }

    /// <summary>Bytes that it holds besides its weights, on the device and pinned beside it; what brings images in grows with them.</summary>
    public long MemoryBytes => sizeof(float) * (arena.View.Length + Staging.Length) + Preprocessor.MemoryBytes;

    /// <inheritdoc cref="InferenceSession.Mark"/>
    public Action<AcceleratorStream, int?>? Mark { get; set; }

    /// <summary>Enqueues the steps that make what is wanted, and ends the sequence that was begun for them.</summary>
    public void Launch(int batch, in SessionResults results)
    {
        int count = 0;
        for (int i = 0; i < Outputs.Length; i++)
        {
            if (!results.Destination(i).IsEmpty) count = Math.Max(count, Outputs[i].Steps);
        }
        Mark?.Invoke(Stream, null);
        plan.Walk(batch, count, launch);
        runtime.Kernels.EndSequence(Stream);
        if (runs >= ManyRuns || ++runs < ManyRuns) return;
        weights.ExpectManyReads();
        arena.ExpectManyReads();
    }

    /// <summary>Frees the arena, and the weights with the last session that shares them.</summary>
    public void Dispose()
    {
        try
        {
            Preprocessor.Dispose();
            Staging.Dispose();
            arena.Dispose();
            Stream.Dispose();
            runtime.ReleaseWeights(weights);
        }
        catch (AcceleratorException)
        {
            // What a driver cannot free it has lost, and says so to whoever runs something next.
        }
    }

    private void Launch(int step, int first, int count)
    {
        steps[step].Launch(Stream, first, count);
        Mark?.Invoke(Stream, step);
    }
}
