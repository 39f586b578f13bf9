using IlgpuResNet.Files;

namespace IlgpuResNet.Onnx;

/// <summary>Names of nodes and tensors for messages.</summary>
internal static class OnnxNames
{
    /// <summary>Makes a name safe for a message; the format allows an empty one.</summary>
    public static string Show(string name) => name.Length == 0 ? "(unnamed)" : FileText.Clean(name);
}
