namespace IlgpuResNet.Bench.Engines;

/// <summary>One network with random weights in a temporary folder, in the format of each engine. Disposing removes it.</summary>
internal sealed class ModelFiles : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("ilgpu-resnet-bench-");

    /// <exception cref="ResNetException">A file cannot be written.</exception>
    public ModelFiles(ResNetConfig config)
    {
        try
        {
            using ResNet model = RandomData.Network(config);
            model.Weights.Save(Of(EngineKind.Ours));
            // The exporter folds, so that ONNX Runtime need not do it when it starts.
            OnnxExport.Save(model, Of(EngineKind.Ort), new OnnxExportOptions { FoldBatchNorms = true });
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The network's file in the format of an engine.</summary>
    public string Of(EngineKind engine) => Path.Combine(folder.FullName, engine is EngineKind.Ours ? "model.safetensors" : "model.onnx");

    /// <summary>The file for the logits of an engine.</summary>
    public string LogitsOf(EngineKind engine) => Path.Combine(folder.FullName, $"{engine}.logits");

    public void Dispose() => folder.Delete(recursive: true);
}
