using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>Finds the state dict in the value of a <c>.pth</c> file's pickle.</summary>
internal static class TorchStateDictFinder
{
    /// <summary>Keys under which training scripts store the state dict, best known first.</summary>
    private static readonly string[] OuterKeys = ["state_dict", "model_state_dict", "model"];

    private const int KeysInMessage = 8;

    /// <summary>Collects the tensors in order; other entries, such as the epoch or the optimizer, are skipped.</summary>
    /// <param name="source">The file, for messages.</param>
    /// <param name="root">Value of the pickle.</param>
    /// <param name="locate">Returns the position of a storage in the file, in bytes, after checking its length.</param>
    /// <exception cref="WeightsException">The value holds no state dict.</exception>
    public static WeightsContent Collect(string source, PickleValue root, Func<StorageReference, long> locate)
    {
        if (root is not PickleDict dict)
            throw new WeightsException($"{source}: holds no state dict but {Describe(root)}; save torch.save(model.state_dict(), path).");
        // The outer keys come first: a script may store a tensor, such as its best accuracy, beside the state dict.
        PickleDict? found = OuterKeys.Select(dict.Find).OfType<PickleDict>().FirstOrDefault(HasTensors) ?? (HasTensors(dict) ? dict : null);
        if (found is null)
        {
            IEnumerable<string> names = dict.Items.Select(item => item.Key).OfType<PickleText>().Select(key => FileText.Clean(key.Value));
            string keys = string.Join(", ", names.Take(KeysInMessage));
            throw new WeightsException(
                $"{source}: holds no state dict; its entries are: {(keys.Length == 0 ? "none" : FileText.Clean(keys))}.");
        }

        var tensors = new List<TensorEntry>();
        foreach ((PickleValue key, PickleValue value) in found.Items)
        {
            if (value is not TensorReference tensor) continue;
            if (key is not PickleText(var name)) throw new WeightsException($"{source}: damaged .pth file: a tensor's name is not a text.");
            DataType type = tensor.Storage.DataType;
            tensors.Add(new TensorEntry(name, tensor.Shape, type, locate(tensor.Storage) + tensor.Offset * type.Size(), tensor.Strides));
        }
        return new WeightsContent(tensors, []);
    }

    private static bool HasTensors(PickleDict dict) => dict.Items.Exists(item => item.Value is TensorReference);

    private static string Describe(PickleValue root) => root switch
    {
        TensorReference => "a single tensor",
        PickleList or PickleTuple => "a list",
        PickleNone => "nothing",
        _ => "a single value",
    };
}
