using System.Globalization;
using IlgpuResNet.Onnx;
using Microsoft.ML.OnnxRuntime;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;
using OrtSession = Microsoft.ML.OnnxRuntime.InferenceSession;

namespace IlgpuResNet.Tests;

/// <summary>
/// Random graphs of all operators, in several opsets, against ONNX Runtime. Both compute in float32 over graphs of a few layers,
/// whose reductions have some hundred terms at most, so the project's bar for whole networks holds here, too. Of the few graphs whose
/// random weights make the outputs small beside the terms that they are sums of, <see cref="RoundingBound"/> says what rounding explains.
/// </summary>
public abstract class OnnxImporterRandomTests(BackEnd backEnd, int firstSeed, int few) : IDisposable
{
    private const double Tolerance = 1e-5;

    /// <summary>Networks that may be refused, in percent: memory may lie as no operator can read it.</summary>
    private const int MostRefused = 3;

    /// <summary>A word in each message of such a refusal.</summary>
    private const string AboutLayout = " memory";

    /// <summary>Name of the test parameter that says how many graphs there are: <c>--test-parameter RandomGraphs=5000</c>.</summary>
    private const string CountParameter = "RandomGraphs";

    private readonly WeightsFolder folder = new(inMemory: true);

    public required TestContext TestContext { get; set; }

    public void Dispose()
    {
        folder.Dispose();
        GC.SuppressFinalize(this);
    }

    [TestMethod]
    public void Random_graphs_answer_as_in_ONNX_Runtime()
    {
        int count = TestContext.Properties.TryGetValue(CountParameter, out object? given) && given is string text
            ? int.Parse(text, CultureInfo.InvariantCulture) : few;
        ComputeDevice device = TestDevice.OpenCompute(backEnd, TestContext);
        var used = new HashSet<string>();
        var refused = new List<string>();
        var explained = new List<string>();
        var wrong = new List<string>();
        double worst = 0;
        for (int seed = firstSeed; seed < firstSeed + count; seed++)
        {
            RandomNetwork network = RandomNetwork.Create(seed);
            used.UnionWith(network.Operators);
            string path = folder.PathOf($"{seed}.onnx");
            try
            {
                (float[][] ours, float[][] theirs) = Run(device, path, network, ImagesOf(network));
                double[] errors = [.. ours.Zip(theirs, RelativeError)];
                worst = Math.Max(worst, errors.Max());
                double[] bounds = errors.Max() <= Tolerance ? []
                    : RoundingBound.Of(network, ImagesOf(network), (model, images) => TheirOutputs(path, network, model, images));
                foreach ((double of, double bound) in errors.Zip(bounds).Where(pair => pair.First > Tolerance))
                {
                    string line = string.Create(CultureInfo.InvariantCulture,
                        $"{network}: relative L2 error {of:E2}, of which rounding explains {bound:E2}");
                    (of > bound ? wrong : explained).Add(line);
                }
            }
            catch (GraphException e) when (e.Message.Contains(AboutLayout, StringComparison.Ordinal))
            {
                refused.Add($"seed {seed}: {e.Message}");
            }
            catch (Exception e)
            {
                wrong.Add($"{network}: {e}");
            }
            File.Delete(path);
        }
        TestContext.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count} networks from seed {firstSeed}: worst relative L2 error {worst:E2}, {refused.Count} refused"));
        foreach (string line in refused.Concat(explained)) TestContext.WriteLine($"  {line}");
        TestContext.WriteLine(string.Join(' ', used.Order()));
        Assert.IsEmpty(wrong, string.Join('\n', wrong));
        Assert.IsLessThanOrEqualTo(count * MostRefused / 100, refused.Count, string.Join('\n', refused));
    }

    /// <summary>The input of a network.</summary>
    internal static float[] ImagesOf(RandomNetwork network) =>
        TestData.Uniform(new Random(network.Seed), network.Images * network.Input.C * network.Input.H * network.Input.W);

    private static (float[][] Ours, float[][] Theirs) Run(ComputeDevice device, string path, RandomNetwork network, float[] images)
    {
        float[][] theirs = TheirOutputs(path, network, network.Model, images);
        using OnnxModel model = OnnxModel.Load(path);
        (int? height, int? width) = network.HasSize ? ((int?)null, (int?)null) : (network.Input.H, network.Input.W);
        bool hasBatch = model.Bind(height, width, network.Outputs).Input.HasBatch;
        using var session = new InferenceSession(model, device,
            new SessionOptions { MaxBatch = hasBatch ? network.Images : 1, Height = height, Width = width, Outputs = network.Outputs });
        Memory<float>[] ours = [.. session.Outputs.Select(
            output => new float[output.Length * (output.HasBatch ? network.Images : 1)].AsMemory())];
        session.Run(images, ours);
        return ([.. ours.Select(output => output.ToArray())], theirs);
    }

    /// <summary>ONNX Runtime's outputs of a network with other weights, which is written to the path.</summary>
    internal static float[][] TheirOutputs(string path, RandomNetwork network, OnnxModelToWrite model, float[] images)
    {
        using (FileStream stream = File.Create(path)) OnnxWriter.Write(stream, model);
        // As the file says: its optimiser makes graphs of its own that it refuses to run.
        using var options = new OrtOptions { IntraOpNumThreads = 1, GraphOptimizationLevel = GraphOptimizationLevel.ORT_DISABLE_ALL };
        using var session = new OrtSession(path, options);
        using OrtValue input =
            OrtValue.CreateTensorValueFromMemory(images, [network.Images, network.Input.C, network.Input.H, network.Input.W]);
        using var run = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(run, ["input"], [input], network.Outputs);
        return [.. results.Select(result => result.GetTensorDataAsSpan<float>().ToArray())];
    }

    /// <summary>|ours - theirs| / |theirs|; of nothing but zeros, |ours|.</summary>
    private static double RelativeError(float[] ours, float[] theirs)
    {
        if (theirs.AsSpan().ContainsAnyExcept(0)) return OnnxExportRuntime.RelativeError(ours, theirs);
        Assert.AreEqual(theirs.Length, ours.Length);
        return TestData.MaxMagnitude(ours);
    }
}

[TestClass]
public sealed class OnnxImporterRandomCpuTests() : OnnxImporterRandomTests(BackEnd.Cpu, firstSeed: 1, few: 300);

[TestClass, TestCategory("OpenCL")]
public sealed class OnnxImporterRandomOpenCLTests() : OnnxImporterRandomTests(BackEnd.OpenCL, firstSeed: 10_001, few: 30);

[TestClass, TestCategory("Cuda")]
public sealed class OnnxImporterRandomCudaTests() : OnnxImporterRandomTests(BackEnd.Cuda, firstSeed: 20_001, few: 100);
