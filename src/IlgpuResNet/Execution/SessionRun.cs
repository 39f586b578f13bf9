using System.Collections.Immutable;
using ILGPU.Runtime;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Execution;

/// <summary>
/// Carries out the runs of a session, each from its input to its outputs: <see cref="Execute"/> begins a sequence of kernels, uploads the
/// input, walks the plan's steps, ends the sequence and downloads the outputs. <see cref="BoundPlan"/> has allocated and compiled
/// everything before: a run compiles and looks up nothing, and allocates only when an image is larger than any
/// before. Not thread-safe; the session lets one caller in at a time.
/// </summary>
internal sealed class SessionRun
{
    /// <summary>Runs after which more are expected: from then on it pays to make the session's memory faster.</summary>
    private const int ManyRuns = 10;

    private readonly DeviceRuntime runtime;
    private readonly BoundPlan bound;
    private readonly TensorView input;
    private readonly string network;
    private readonly int? threads;
    private readonly SessionTrace trace;
    private readonly ImmutableArray<BoundOutput> prepared;
    private readonly Action<int, int, int> launch;
    private int runs;

    /// <summary>Prepares runs of a plan on its device.</summary>
    /// <param name="runtime">The device.</param>
    /// <param name="bound">The plan's memory, weights and steps there.</param>
    /// <param name="input">The network's input as its users see it.</param>
    /// <param name="network">Name of the network, for errors.</param>
    /// <param name="threads">Most processor threads that work on a run, or null for all.</param>
    /// <param name="trace">Receives each run's time.</param>
    public SessionRun(DeviceRuntime runtime, BoundPlan bound, TensorView input, string network, int? threads, SessionTrace trace)
    {
        this.runtime = runtime;
        this.bound = bound;
        this.input = input;
        this.network = network;
        this.threads = threads;
        this.trace = trace;
        MapShape shape = bound.Plan.Input.Shape;
        prepared = [new BoundOutput(TensorView.OfMap(input.Name, input.Tensor, shape), bound.Input, Steps: 0)];
        launch = Launch;
    }

    /// <inheritdoc cref="InferenceSession.Mark"/>
    public Action<AcceleratorStream, int?>? Mark { get; set; }

    /// <summary>Runs the network and reports the run.</summary>
    /// <param name="source">The input; its bytes are no longer needed when this returns.</param>
    /// <param name="batch">Images of the input.</param>
    /// <param name="destinations">Receive the outputs; only steps that a wanted output needs are launched.</param>
    /// <exception cref="ImageException">An image cannot be prepared.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    public void Run(in RunInput source, int batch, in RunDestinations destinations)
    {
        RunTrace run = trace.StartRun(batch);
        try
        {
            Execute(source, batch, bound.Outputs, destinations);
            run.Succeeded = true;
        }
        finally
        {
            run.Stop();
        }
        if (runs < ManyRuns && ++runs == ManyRuns) bound.ExpectManyReads();
    }

    /// <summary>Prepares one image and downloads what the network's first step would read: a run of no steps.</summary>
    /// <param name="image">An image of any size.</param>
    /// <param name="destination">Receives <c>[C, H, W]</c>.</param>
    /// <exception cref="ImageException">The image cannot be prepared.</exception>
    /// <exception cref="DeviceException">The device failed.</exception>
    public void Prepare(PixelSpan image, Span<float> destination) =>
        Execute(new RunInput(image), batch: 1, prepared, new RunDestinations(destination));

    /// <summary>The whole run: input to the device, the steps that the wanted outputs need, outputs to the host.</summary>
    private void Execute(in RunInput source, int batch, ImmutableArray<BoundOutput> outputs, in RunDestinations destinations)
    {
        try
        {
            using DeviceBinding binding = runtime.Bind();
            // Copies need no kernels: another session's run may be enqueued meanwhile.
            if (!source.IsImages) bound.Staging.Upload(bound.Stream, input, source.Floats, bound.Input);
            lock (runtime.Gate)
            {
                BeginSequence();
                if (source.IsImages) UploadImages(source, batch);
                Walk(batch, StepsFor(outputs, destinations));
                runtime.Kernels.EndSequence(bound.Stream);
            }
            // Waits for the stream, and so for all that was enqueued.
            bound.Staging.Download(bound.Stream, outputs, batch, destinations);
            bound.Preprocessor.EndRun();
        }
        catch (Exception e)
        {
            // Copies that the failed run has enqueued must not meet the host memory of the next run, nor its release.
            runtime.Free(bound.Stream.Synchronize);
            if (e is ResNetException or ObjectDisposedException) throw;
            throw runtime.Failed($"the device failed while running {network}: {DeviceRuntime.FirstLine(e)}", e);
        }
        finally
        {
            bound.KeepAlive();
        }
    }

    private void BeginSequence()
    {
        runtime.Kernels.BeginSequence(threads);
        bound.Preprocessor.BeginSequence();
    }

    /// <summary>Enqueues the preparation of each image. The sequence of the last ones goes on with the network's steps.</summary>
    private void UploadImages(in RunInput source, int batch)
    {
        bound.Preprocessor.BeginRun();
        for (int i = 0; i < batch; i++)
        {
            PixelSpan image = source.Image(i);
            if (i > 0 && !bound.Preprocessor.Joins(image))
            {
                runtime.Kernels.EndSequence(bound.Stream);
                BeginSequence();
            }
            bound.Preprocessor.Upload(image, bound.Input, i, following: batch - 1 - i);
        }
    }

    private void Walk(int batch, int steps)
    {
        Mark?.Invoke(bound.Stream, null);
        bound.Plan.Walk(batch, steps, launch);
    }

    private void Launch(int step, int first, int count)
    {
        bound.Steps[step].Launch(bound.Stream, first, count);
        Mark?.Invoke(bound.Stream, step);
    }

    /// <summary>Number of the plan's steps, from the first, that the wanted outputs need.</summary>
    private static int StepsFor(ImmutableArray<BoundOutput> outputs, in RunDestinations destinations)
    {
        int steps = 0;
        for (int i = 0; i < outputs.Length; i++)
        {
            if (!destinations[i].IsEmpty) steps = Math.Max(steps, outputs[i].Steps);
        }
        return steps;
    }
}
