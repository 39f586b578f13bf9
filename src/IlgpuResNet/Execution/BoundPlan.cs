using System.Collections.Immutable;
using ILGPU;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>
/// A plan brought to a device, made once for a session and used by its <see cref="SessionRun"/>: its kernels are compiled, its weights
/// packed and uploaded, one arena holds its activations, and its steps are bound to them. Not thread-safe.
/// </summary>
internal sealed class BoundPlan
{
    private readonly DeviceRuntime runtime;
    private readonly SessionLease lease;
    private readonly DeviceWeights weights;
    private readonly DeviceMemory arena;

    /// <summary>Allocates and compiles all that a run needs.</summary>
    /// <exception cref="DeviceException">The device has too little memory, or a kernel cannot be compiled.</exception>
    /// <exception cref="ResNetException">The weights cannot be read any more, or the model's preset makes no input.</exception>
    /// <exception cref="WeightsException">It would take more memory than is allowed.</exception>
    public BoundPlan(
        Model model, Network network, SessionLease lease, ExecutionPlan plan, SessionOptions options, int? threads,
        MemoryAllowance allowance)
    {
        this.lease = lease;
        SessionParts parts = lease.Parts;
        runtime = parts.Runtime;
        Plan = plan;
        Task? loading = null;
        try
        {
            using DeviceBinding binding = runtime.Bind();
            TuningFile? tuning = options is { TuningFile: { } path, StepMethods.IsDefault: true } ? TuningFile.Open(path) : null;
            ImmutableArray<Conv2dMethod> methods = !options.StepMethods.IsDefault ? options.StepMethods
                : tuning is null ? MethodSelector.Choose(runtime.Kernels.Planner, plan, options.Numerics)
                : MethodTuner.Tune(runtime, plan, options.Numerics, tuning);
            IReadOnlyDictionary<string, FilterNorms>? norms = SharedWeights.NormsOf(network.Graph);
            if (norms is not null) methods = Bounded(network.Graph, methods, norms);
            long inputLength = plan.Input.Shape.Count * plan.MaxBatch;
            // Where the host reads results in place, nothing is downloaded.
            long downloaded = runtime.Kernels.HostVisible ? 0 : network.Outputs.Sum(output => (long)output.Count * plan.MaxBatch);
            long stagingLength = Math.Max(inputLength, downloaded), workspaceLength;
            StepOperator[] operators;
            while (true)
            {
                StepMethods = methods;
                operators = StepOperator.Of(plan, methods);
                workspaceLength = StepOperator.WorkspaceLength(runtime.Kernels.Planner, operators);
                allowance.Check(
                    WeightBytes(plan, methods, threads), MemoryAllowance.ActivationBytes(plan, workspaceLength, stagingLength));
                // A GPU's driver compiles the kernels while the weights are packed and uploaded.
                Task load = StepOperator.LoadAsync(runtime.Kernels, operators);
                loading = loading is null ? load : Task.WhenAll(loading, load);
                parts.Weights = weights = SharedWeights.Of(runtime).Acquire(network.Graph, plan, methods, threads);
                // Packing reads each filter once. Only then are the norms known that few networks have too far apart.
                if (norms is not null) break;
                norms = weights.Norms;
                methods = Bounded(network.Graph, methods, norms);
                if (methods == StepMethods) break;
                parts.ReleaseWeights();
            }
            Warnings = [.. weights.Warnings.Select(warning => $"{model.Weights.Source}: {warning}")];
            if (tuning?.Warning is { } warning) Warnings = [.. Warnings, warning];
            parts.Stream = Stream = runtime.Accelerator.CreateStream();
            // The workspace that steps share lies behind the activations.
            parts.Arena = arena = runtime.Allocate(plan.ArenaLength + workspaceLength, $"the activations of {plan.MaxBatch} images");
            ArrayView<float> view = arena.View;
            ArrayView<float> workspace = workspaceLength == 0 ? default : view.SubView(plan.ArenaLength, workspaceLength);
            Steps = BoundStep.Create(runtime.Kernels, plan, operators, view, workspace, weights);
            Outputs = [.. network.Outputs.Select(output => BoundOutput.Create(output, plan, view))];
            Input = view.SubView(plan.Input.Offset, inputLength);
            parts.Staging = Staging = new HostStaging(runtime, stagingLength);
            if (Staging.PageLockRefusal is { } refusal)
            {
                Warnings =
                    [.. Warnings, $"{runtime.Device.Id}: the driver does not page-lock host memory ({refusal}); copies take longer."];
            }
            runtime.WaitForKernels(loading);
            parts.Preprocessor = Preprocessor = new Preprocessor(runtime.Accelerator, Stream, model.Preset, runtime.Kernels);
        }
        catch (Exception e)
        {
            // Marks a lost device before its parts are freed.
            ResNetException? failure = e is ResNetException or ObjectDisposedException ? null
                : runtime.Failed(
                    $"a session of {model.Name} for {plan.MaxBatch} images cannot be made: {DeviceRuntime.FirstLine(e)}", e);
            if (loading is not null) LeaveToDevice(loading);
            lease.Dispose();
            if (failure is null) throw;
            throw failure;
        }
    }

    /// <summary>The steps as planned, and the order in which they are walked.</summary>
    public ExecutionPlan Plan { get; }

    /// <summary>The method of each step, in order; the default where it is no convolution.</summary>
    public ImmutableArray<Conv2dMethod> StepMethods { get; }

    /// <summary>Warnings about the weights, the tuning file and the driver, one line each.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Time that the first session of these weights took to pack and upload them.</summary>
    public TimeSpan WeightsTime => weights.Duration;

    /// <summary>The queue of launches and copies.</summary>
    public AcceleratorStream Stream { get; }

    /// <summary>The steps, bound to their memory.</summary>
    public ImmutableArray<BoundStep> Steps { get; }

    /// <summary>The input in the arena, for the largest batch.</summary>
    public ArrayView<float> Input { get; }

    /// <summary>The outputs in the arena.</summary>
    public ImmutableArray<BoundOutput> Outputs { get; }

    /// <summary>Host memory of floats on their way to or from the device.</summary>
    public HostStaging Staging { get; }

    /// <summary>Prepares images as network input.</summary>
    public Preprocessor Preprocessor { get; }

    /// <summary>
    /// Bytes held on the device and pinned on the host, without the weights; the preprocessor's share grows with the images.
    /// </summary>
    public long MemoryBytes => sizeof(float) * (arena.View.Length + Staging.Length) + Preprocessor.MemoryBytes;

    /// <inheritdoc cref="DeviceMemory.ExpectManyReads"/>
    public void ExpectManyReads()
    {
        weights.ExpectManyReads();
        arena.ExpectManyReads();
    }

    /// <summary>
    /// Keeps a session that nobody refers to any more from being freed until this call, which ends a run of its parts.
    /// </summary>
    public void KeepAlive() => GC.KeepAlive(lease);

    private ImmutableArray<Conv2dMethod> Bounded(
        Graph graph, ImmutableArray<Conv2dMethod> methods, IReadOnlyDictionary<string, FilterNorms> norms) =>
        WinogradSpread.Bounded(runtime.Kernels.Planner, graph, Plan, methods, norms);

    /// <summary>Bytes of the weights; where a filter passes the largest that can be packed, at least the bytes of that one.</summary>
    private long WeightBytes(ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods, int? threads)
    {
        try
        {
            return DeviceWeights.Bytes(
                runtime.Kernels.Planner, runtime.Kernels.HostVisible, plan.Steps, SharedWeights.AlgorithmsOf(methods), threads);
        }
        catch (OverflowException)
        {
            return (long)int.MaxValue * sizeof(float);
        }
    }

    /// <summary>
    /// Lets kernels load on: they stay with the device, which must not close before. If one fails as well, only the first failure is
    /// reported.
    /// </summary>
    private void LeaveToDevice(Task loading)
    {
        Task ended = loading.ContinueWith(static failed => _ = failed.Exception, TaskScheduler.Default);
        if (runtime.IsLost) ended.Wait();
        else if (runtime.TryRetain()) ended.ContinueWith(_ => runtime.Release(), TaskScheduler.Default);
    }
}
