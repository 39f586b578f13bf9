using IlgpuResNet.Files;


namespace IlgpuResNet.Onnx;

/// <summary>Names of nodes and tensors in messages.</summary>
internal static class OnnxNames
{
    /// <summary>A name that is safe to show; the format allows none at all.</summary>
    public static string Show(string name) => name.Length == 0 ? "(unnamed)" : FileText.Clean(name);
}
