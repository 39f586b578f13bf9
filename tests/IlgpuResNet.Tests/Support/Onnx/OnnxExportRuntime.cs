using Microsoft.ML.OnnxRuntime;
using OrtOptions = Microsoft.ML.OnnxRuntime.SessionOptions;
using OrtSession = Microsoft.ML.OnnxRuntime.InferenceSession;

namespace IlgpuResNet.Tests;

/// <summary>A model in ONNX Runtime.</summary>
internal sealed class OnnxExportRuntime : IDisposable
{
    private readonly OrtSession session;

    public OnnxExportRuntime(string path, OrtLoggingLevel level = OrtLoggingLevel.ORT_LOGGING_LEVEL_WARNING)
    {
        using var options = new OrtOptions { LogSeverityLevel = level };
        session = new OrtSession(path, options);
    }

    public IReadOnlyCollection<string> Outputs => [.. session.OutputMetadata.Keys];

    public void Dispose() => session.Dispose();

    /// <summary>An output for an input <c>[N, C, H, W]</c>.</summary>
    public float[] Run(string output, float[] images, params long[] shape)
    {
        using OrtValue input = OrtValue.CreateTensorValueFromMemory(images, shape);
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, ["input"], [input], [output]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>|ours - theirs| / |theirs| over all logits of a batch of random images.</summary>
    public double RelativeError(ResNet model, int batch, int height, int width, int seed)
    {
        int channels = model.Config.InputChannels;
        float[] images = TestData.Uniform(new Random(seed), batch * channels * height * width);
        float[] theirs = Run("logits", images, batch, channels, height, width);
        return RelativeError(RunHere(model, images, batch, height, width, theirs.Length), theirs);
    }

    /// <summary>The logits of images <c>[N, C, H, W]</c> by this library.</summary>
    public static float[] RunHere(Model model, float[] images, int batch, int height, int width, int length)
    {
        using var session =
            new InferenceSession(model, ComputeDevice.Get("cpu"), new SessionOptions { MaxBatch = batch, Height = height, Width = width });
        float[] logits = new float[length];
        session.Run(images, logits);
        return logits;
    }

    public static double RelativeError(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        double difference = 0, magnitude = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            difference += ((double)actual[i] - expected[i]) * ((double)actual[i] - expected[i]);
            magnitude += (double)expected[i] * expected[i];
        }
        return Math.Sqrt(difference / magnitude);
    }
}
