using Microsoft.ML.OnnxRuntime;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;
using OrtSession = Microsoft.ML.OnnxRuntime.InferenceSession;

namespace IlgpuResNet.Bench.Engines;

/// <summary>
/// ONNX Runtime on the processor with all its optimisations, node after node, each on all threads. Input and output are
/// bound to arrays once, so that its runs allocate no more than they must.
/// </summary>
internal sealed class OrtEngine : IEngine
{
    private static readonly string[] InputNames = ["input"];
    private static readonly string[] OutputNames = ["logits"];

    private readonly OrtSession session;
    private readonly RunOptions runOptions = new();
    private readonly OrtValue[] inputs;
    private readonly OrtValue[] outputs;

    public OrtEngine(string path, int batch, int threads)
    {
        using var options = new OrtOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
        };
        session = new OrtSession(path, options);
        long[] input = Shape(session.InputMetadata[InputNames[0]], batch), output = Shape(session.OutputMetadata[OutputNames[0]], batch);
        Logits = new float[output.Aggregate(1L, (count, size) => count * size)];
        inputs = [OrtValue.CreateTensorValueFromMemory(RandomData.Images((int)input.Aggregate(1L, (count, size) => count * size)), input)];
        outputs = [OrtValue.CreateTensorValueFromMemory(Logits, output)];
    }

    /// <summary>Name and version for tables.</summary>
    public static string Name { get; } = $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}";

    public float[] Logits { get; }

    public void Run() => session.Run(runOptions, InputNames, inputs, OutputNames, outputs);

    public void Dispose()
    {
        foreach (OrtValue value in inputs.Concat(outputs)) value.Dispose();
        runOptions.Dispose();
        session.Dispose();
    }

    /// <summary>The file's shape with its open batch filled in.</summary>
    private static long[] Shape(NodeMetadata tensor, int batch) => [batch, .. tensor.Dimensions.Skip(1).Select(size => (long)size)];
}
