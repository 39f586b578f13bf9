using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>Finds the state dict in what a <c>.pth</c> file's pickle holds.</summary>
internal static class TorchStateDict
{
    /// <summary>Under which names training scripts keep it, best known first.</summary>
    private static readonly string[] OuterKeys = ["state_dict", "model_state_dict", "model"];

    private const int KeysInMessage = 8;

    /// <summary>The tensors in order; entries that are no tensors (epoch, optimizer) are left out.</summary>
    /// <param name="source">The file, for messages.</param>
    /// <param name="root">What the pickle holds.</param>
    /// <param name="locate">Gives the position of a storage in the file, in bytes, after checking its length.</param>
    /// <exception cref="WeightsException">There is no state dict.</exception>
    public static WeightsContent Collect(string source, PickleValue root, Func<StorageReference, long> locate)
    {
        if (root is not PickleDict dict)
            throw new WeightsException($"{source}: holds no state dict but {Describe(root)}; save torch.save(model.state_dict(), path).");
        // The outer names first: a script may keep a tensor, such as its best accuracy, beside the state dict.
        PickleDict? found = OuterKeys.Select(dict.Find).OfType<PickleDict>().FirstOrDefault(HasTensors) ?? (HasTensors(dict) ? dict : null);
        if (found is null)
        {
            string keys = string.Join(", ", dict.Items.Select(item => item.Key).OfType<PickleText>().Take(KeysInMessage).Select(key => FileText.Clean(key.Value)));
            throw new WeightsException($"{source}: holds no state dict; its entries are: {(keys.Length == 0 ? "none" : FileText.Clean(keys))}.");
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
