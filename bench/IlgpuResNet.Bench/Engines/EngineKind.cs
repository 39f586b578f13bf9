namespace IlgpuResNet.Bench.Engines;

/// <summary>The engines that are compared, both on the processor.</summary>
internal enum EngineKind
{
    /// <summary>This library on ILGPU's CPU accelerator, from a safetensors file.</summary>
    Ours,

    /// <summary>ONNX Runtime's CPU execution provider, from an ONNX file.</summary>
    Ort,
}
