using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;

namespace IlgpuResNet.Tests;

/// <summary>
/// ML.NET's image featurizer as it is published: ResNet-18 with ImageNet's weights and, in a file of its own, what prepares images for it
/// (planes in the order BGR less a mean image), one after the other. The package is restored from NuGet if the machine does not have it.
/// </summary>
[TestClass]
public sealed class MlNetFeaturizerTests
{
    private const string Package = "Microsoft.ML.DnnImageFeaturizer.ResNet18";
    private const string Version = "0.23.1";
    private const double Tolerance = 1e-5;
    private const int Side = 224;
    private const int Channels = 3;
    private const int Features = 512;
    private const int MostSeconds = 120;

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Its_files_one_after_the_other_answer_as_in_ONNX_Runtime()
    {
        string folder = Path.Combine(Restored(), "tools", "DnnImageModels");
        string preparation = Path.Combine(folder, "ResNetPrepOnnx", "ResNetPreprocess.onnx");
        string network = Path.Combine(folder, "ResNet18Onnx", "ResNet18.onnx");
        float[] image = Image();

        float[] prepared = Here(preparation, image, image.Length), features = Here(network, prepared, Features);
        float[] theirPrepared = There(preparation, "OriginalInput", image), theirs = There(network, "Input247", theirPrepared);
        CollectionAssert.AreEqual(theirPrepared, prepared, "one rounding of one difference");
        Assert.IsLessThanOrEqualTo(Tolerance, OnnxExportRuntime.RelativeError(features, theirs));
    }

    /// <summary>An image as the featurizer takes it: planes of red, green and blue from 0 to 255.</summary>
    private static float[] Image()
    {
        byte[] pixels = ImagingData.SeededImage(seed: 7, Side, Side);
        float[] planes = new float[pixels.Length];
        for (int i = 0; i < pixels.Length; i++) planes[i % Channels * Side * Side + i / Channels] = pixels[i];
        return planes;
    }

    private static float[] Here(string path, float[] input, int length)
    {
        using OnnxModel model = OnnxModel.Load(path);
        using var session = new InferenceSession(
            model, ComputeDevice.Get("cpu"), new SessionOptions { Outputs = [model.OutputNames[^1]] });
        float[] output = new float[length];
        session.Run(input, [output.AsMemory()]);
        return output;
    }

    private static float[] There(string path, string name, float[] input)
    {
        using var session = new Microsoft.ML.OnnxRuntime.InferenceSession(path);
        using OrtValue value = OrtValue.CreateTensorValueFromMemory(input, [1, Channels, Side, Side]);
        using var options = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> results = session.Run(options, [name], [value], session.OutputNames);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>The package's folder; restores it where it is missing, and ends the test as inconclusive where it is not served.</summary>
    private string Restored()
    {
        string home = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string folder = Path.Combine(home, Package.ToLowerInvariant(), Version);
        if (Directory.Exists(folder)) return folder;
        using var project = new WeightsFolder();
        string file = project.PathOf("restore.csproj");
        File.WriteAllText(file, $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework></PropertyGroup>
              <ItemGroup><PackageDownload Include="{Package}" Version="[{Version}]" /></ItemGroup>
            </Project>
            """);
        var start = new ProcessStartInfo("dotnet", ["restore", file]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.CancellationToken);
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.CancellationToken);
        if (!process.WaitForExit(TimeSpan.FromSeconds(MostSeconds))) process.Kill(entireProcessTree: true);
        if (!Directory.Exists(folder)) Assert.Inconclusive($"{Package} {Version} is not served here: {output.Result} {errors.Result}");
        return folder;
    }
}
