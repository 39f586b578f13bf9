using System.Collections.Immutable;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using IlgpuResNet.Devices;
using IlgpuResNet.Execution;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet;

/// <summary>
/// Whether a device computes right: every kernel that a network needs there, on random numbers, against the processor's kernels, which
/// compute every product of the definition. It takes seconds, and tells a driver's error from one of the network or the app. Activations
/// besides ReLU, products of maps, selections, group norms and top k are left out.
/// </summary>
public sealed class DeviceSelfTest
{
    /// <summary>Images of a test: kernels must find the second.</summary>
    private const int MostImages = 2;

    private DeviceSelfTest(ComputeDevice device, string model, string driver, TimeSpan duration, ImmutableArray<KernelTest> kernels)
    {
        Device = device;
        Model = model;
        Driver = driver;
        Duration = duration;
        Kernels = kernels;
    }

    /// <summary>The device that was tested.</summary>
    public ComputeDevice Device { get; }

    /// <summary>Name of the network.</summary>
    public string Model { get; }

    /// <summary>The device's driver and its version.</summary>
    public string Driver { get; }

    /// <summary>Time that the test took, the compilation of the kernels included.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Each kernel with each problem size once.</summary>
    public ImmutableArray<KernelTest> Kernels { get; }

    /// <summary>True when every kernel has passed.</summary>
    public bool Passed => Kernels.All(kernel => kernel.Passed);

    /// <summary>
    /// Tests the kernels of a network's plans. A kernel that fails, or loses the device, is noted, and the next is tested.
    /// </summary>
    /// <param name="model">The network; its weights do not matter.</param>
    /// <param name="device">The device, or null for <see cref="ComputeDevice.Default"/>.</param>
    /// <param name="batches">
    /// Largest batches of the plans, which decide the methods, or null for 1 and 32. Two images at most are computed.
    /// </param>
    /// <param name="cancellation">Ends the test between two kernels.</param>
    /// <exception cref="DeviceException">The device cannot be opened.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    [RequiresDynamicCode(DynamicCode.Reason), RequiresUnreferencedCode(DynamicCode.Reason)]
    public static DeviceSelfTest Run(
        Model model, ComputeDevice? device = null, IReadOnlyList<int>? batches = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        device ??= ComputeDevice.Default;
        long start = Stopwatch.GetTimestamp();
        var tested = new HashSet<string>();
        var kernels = ImmutableArray.CreateBuilder<KernelTest>();
        DeviceRuntime runtime = device.Open();
        string driver = runtime.DriverName;
        IFamilyPlanner planner = runtime.Kernels.Planner;
        Network network = model.Bind(null, null, []);
        if (StepTrial.PresetMakesInput(model.Preset, network.InputShape)) kernels.Add(StepTrial.Resize(device, model.Preset));
        foreach (int batch in batches ?? [1, 32])
        {
            ExecutionPlan plan = SegmentSelector.Choose(planner, ExecutionPlan.Create(network, batch), Numerics.Fast);
            ImmutableArray<Conv2dMethod> methods = MethodSelector.Choose(planner, plan, Numerics.Fast);
            for (int i = 0; i < plan.Steps.Length; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!StepTrial.Covers(plan.Steps[i])) continue;
                var trial = new StepTrial(plan.Steps[i], methods[i], Math.Min(batch, MostImages));
                if (tested.Add(trial.Key)) kernels.Add(trial.Run(device));
            }
        }
        return new DeviceSelfTest(device, model.Name, driver, Stopwatch.GetElapsedTime(start), kernels.DrainToImmutable());
    }

    /// <summary>All of it as one JSON object, with the machine's system, to be sent with a report of an error.</summary>
    public string ToJson()
    {
        using var stream = new MemoryStream();
        // People read the file, and no page holds it: signs stay as they are.
        var options = new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            json.WriteBoolean("passed", Passed);
            json.WriteString("device", Device.Id);
            json.WriteString("device_name", Device.Name);
            json.WriteString("driver", Driver);
            json.WriteString("model", Model);
            json.WriteString("library", Assembly.GetExecutingAssembly()
                .GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
            json.WriteString("system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}");
            json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
            json.WriteNumber("seconds", Math.Round(Duration.TotalSeconds, 1));
            json.WriteStartArray("kernels");
            foreach (KernelTest kernel in Kernels)
            {
                json.WriteStartObject();
                json.WriteBoolean("passed", kernel.Passed);
                json.WriteString("operation", kernel.Operation);
                json.WriteString("shape", kernel.Shape);
                json.WriteString("method", kernel.Method);
                // JSON has no infinity: a result that is not finite is told in the failure.
                if (double.IsFinite(kernel.Error)) json.WriteNumber("error", kernel.Error);
                json.WriteNumber("tolerance", kernel.Tolerance);
                if (kernel.Failure is not null) json.WriteString("failure", kernel.Failure);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray()) + "\n";
    }
}
