using IlgpuResNet.Files;

namespace IlgpuResNet.Weights.Torch;

/// <summary>Finds the sets of tensors in the value of a <c>.pth</c> file's pickle, and chooses the network among them.</summary>
internal sealed class TorchCheckpoint
{
    private const int DeepestEntry = 6;
    private const int LongestList = 16;
    private const int KeysInMessage = 8;
    private const int BytesPerVisit = 64;
    private const int BytesPerTensor = 160;

    private readonly ReadBudget budget;
    private readonly List<TensorSet> sets = [];
    private readonly List<List<StorageReference>> storages = [];
    private readonly HashSet<PickleValue> visited = new(ReferenceEqualityComparer.Instance);

    private TorchCheckpoint(ReadBudget budget) => this.budget = budget;

    /// <summary>
    /// Collects the tensors of the chosen network in order; other entries, such as the epoch or the optimizer, are skipped.
    /// </summary>
    /// <param name="budget">Memory that may be allocated.</param>
    /// <param name="root">Value of the pickle.</param>
    /// <param name="request">The network that is wanted.</param>
    /// <param name="locate">Returns the position of a storage in the file, in bytes, after checking its length.</param>
    /// <exception cref="WeightsException">The value holds no tensors, or none that can be used; the message says why.</exception>
    public static WeightsContent Collect(ReadBudget budget, PickleValue root, NetworkRequest request, Func<StorageReference, long> locate)
    {
        var checkpoint = new TorchCheckpoint(budget);
        checkpoint.Visit(root, "", 0);
        if (checkpoint.sets.Count == 0) throw Nothing(budget.Source, root);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        TorchClassNames.AddTo(metadata, root, budget);
        WeightsContent content = WeightsContent.Choose(budget, checkpoint.sets, request, metadata);
        List<StorageReference> storages = checkpoint.storages[checkpoint.sets.IndexOf(content.Set)];
        for (int i = 0; i < content.Tensors.Count; i++)
        {
            TensorEntry tensor = content.Tensors[i];
            StorageReference storage = storages[content.Kept?[i] ?? i];
            content.Tensors[i] = tensor with { Offset = locate(storage) + tensor.Offset * tensor.DataType.Size() };
        }
        return content;
    }

    private void Visit(PickleValue value, string path, int depth)
    {
        if (depth > DeepestEntry || value is not (PickleDict or PickleObject or PickleList or PickleTuple) || !visited.Add(value)) return;
        budget.Charge(BytesPerVisit);
        switch (value)
        {
            case PickleObject module when TorchModules.IsModule(module):
                AddModule(module, path);
                break;
            case PickleObject other:
                if (other.Items is { } items) Visit(items, path, depth);
                if (other.State is PickleDict state) Visit(state, path, depth + 1);
                break;
            case PickleDict dict:
                AddDict(dict, path);
                foreach ((PickleValue key, PickleValue inner) in dict.Items)
                {
                    if (key is PickleText(var name)) Visit(inner, Join(path, name), depth + 1);
                }
                break;
            case PickleList list:
                for (int i = 0; i < Math.Min(list.Items.Count, LongestList); i++) Visit(list.Items[i], Join(path, $"{i}"), depth + 1);
                break;
            case PickleTuple tuple:
                for (int i = 0; i < Math.Min(tuple.Items.Length, LongestList); i++) Visit(tuple.Items[i], Join(path, $"{i}"), depth + 1);
                break;
        }
    }

    private string Join(string path, string name)
    {
        budget.Charge(2L * (path.Length + name.Length));
        return path.Length == 0 ? name : $"{path}.{name}";
    }

    private void AddDict(PickleDict dict, string path)
    {
        var set = new TensorSet(path, []);
        var own = new List<StorageReference>();
        foreach ((PickleValue key, PickleValue value) in dict.Items)
        {
            if (value is not (TensorReference or PickleObject)) continue;
            if (key is not PickleText(var name))
            {
                // Optimizers number their tensors.
                if (value is TensorReference && key is not PickleInteger)
                    throw new WeightsException($"{budget.Source}: damaged .pth file: a tensor's name is not a text.");
                continue;
            }
            Add(set, own, name, value);
        }
        if (set.Tensors.Count > 0) Add(set, own);
        else if (set.Opaque.Find(entry => TorchModules.StandsForTensor(dict.Find(entry.Name))) is { Name: { } first, What: var what })
            throw NetworkNames.Depends(budget.Source, first, what);
    }

    private void AddModule(PickleObject module, string path)
    {
        var set = new TensorSet(path, []);
        var own = new List<StorageReference>();
        TorchModules.Walk(module, budget, set, (name, value) => Add(set, own, name, value));
        if (set.Tensors.Count > 0) Add(set, own);
    }

    private void Add(TensorSet set, List<StorageReference> own)
    {
        sets.Add(set);
        storages.Add(own);
    }

    private void Add(TensorSet set, List<StorageReference> own, string name, PickleValue value)
    {
        budget.Charge(BytesPerTensor);
        if (value is TensorReference tensor)
        {
            set.Tensors.Add(new TensorEntry(name, tensor.Shape, tensor.Storage.DataType, tensor.Offset, tensor.Strides));
            own.Add(tensor.Storage);
        }
        else if (value is PickleObject unknown)
        {
            set.Opaque.Add((name, TorchModules.Describe(unknown)));
        }
    }

    private static WeightsException Nothing(string source, PickleValue root)
    {
        const string Advice = "save torch.save(model.state_dict(), path)";
        if (root is not PickleDict dict) return new($"{source}: holds no state dict but {Describe(root)}; {Advice}.");
        IEnumerable<string> names = dict.Items.Select(item => item.Key).OfType<PickleText>().Select(key => FileText.Clean(key.Value));
        string keys = string.Join(", ", names.Take(KeysInMessage));
        return new($"{source}: holds no state dict; its entries are: {(keys.Length == 0 ? "none" : FileText.Clean(keys))}.");
    }

    private static string Describe(PickleValue root) => root switch
    {
        TensorReference => "a single tensor",
        PickleList or PickleTuple => "a list without tensors",
        PickleNone => "nothing",
        PickleObject unknown when TorchModules.IsModule(unknown) => $"a module without tensors ({unknown.Class.Full})",
        PickleObject unknown => $"an object that asks Python to call {unknown.Class.Full}; nothing was executed",
        TorchGlobal name => $"the name {name.Full}; nothing was executed",
        _ => "a single value",
    };
}
