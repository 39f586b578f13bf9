using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>
/// Reads the initializers of an ONNX model as a state dict. PyTorch's exporter writes equal tensors once and makes the others by
/// <c>Identity</c> nodes: the outputs of these nodes are tensors of the state dict, too.
/// </summary>
internal static class OnnxStateDict
{
    /// <summary>Opens a model. Tensors are in file order, under torchvision's names as in <see cref="StateDict.Load"/>.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable, damaged, or uses a feature that is not supported.</exception>
    public static StateDict Load(string path)
    {
        OnnxFile file = OnnxFile.Load(path);
        try
        {
            var tensors = new OrderedDictionary<string, StateTensor>(StringComparer.Ordinal);
            foreach (StateTensor tensor in file.Graph.InitializersInOrder) tensors.TryAdd(tensor.Name, tensor);
            foreach (OnnxNode node in file.Graph.Nodes)
            {
                if (node is not { OpType: "Identity", Domain: "", Inputs: [var input], Outputs: [var output] }) continue;
                if (tensors.TryGetValue(input, out StateTensor? tensor)) tensors.TryAdd(output, tensor);
            }
            IReadOnlyList<string> names = ParameterNames.ToTorchvision([.. tensors.Keys]);
            return new StateDict(path, tensors.Values.Zip(names, Rename), file.Metadata, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static StateTensor Rename(StateTensor tensor, string name) => tensor.Name == name
        ? tensor
        : new ReshapedTensor { Name = name, Shape = tensor.Shape, DataType = tensor.DataType, Source = tensor };
}
