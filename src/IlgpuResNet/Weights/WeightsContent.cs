using System.Collections.Immutable;

namespace IlgpuResNet.Weights;

/// <summary>The network of a weights file that is wanted.</summary>
/// <param name="Key">Key of the network, or null for the best known one.</param>
/// <param name="AsNamed">True for the tensors as they are, for a file that holds a part of a network.</param>
internal readonly record struct NetworkRequest(string? Key = null, bool AsNamed = false);

/// <summary>Content of a weights file that is used: the tensors of one network, or of a file in which no network was found.</summary>
/// <param name="Set">The set in the file that they come from.</param>
/// <param name="Tensors">The tensors under their names in this library.</param>
/// <param name="Metadata">Free text by key.</param>
internal sealed record WeightsContent(TensorSet Set, List<TensorEntry> Tensors, Dictionary<string, string> Metadata)
{
    /// <summary>Index of each tensor in its set; null when all are there.</summary>
    public List<int>? Kept { get; private init; }

    /// <summary>Names of the set's other tensors.</summary>
    public ImmutableArray<string> LeftOut { get; private init; } = [];

    /// <summary>Keys of the file's other networks.</summary>
    public ImmutableArray<string> Others { get; private init; } = [];

    /// <summary>Modules of a pickled network by their path, with a dot at the end.</summary>
    public IReadOnlyDictionary<string, ModuleFacts> Modules { get; private init; } = ImmutableDictionary<string, ModuleFacts>.Empty;

    /// <summary>Chooses the network of a file and translates its names.</summary>
    /// <param name="budget">Memory that may be allocated.</param>
    /// <param name="sets">Sets of tensors, at least one.</param>
    /// <param name="request">The network that is wanted.</param>
    /// <param name="metadata">Free text by key.</param>
    /// <exception cref="WeightsException">
    /// No network has the key, several are equally good, or a tensor depends on an object that is not made.
    /// </exception>
    public static WeightsContent Choose(
        ReadBudget budget, IReadOnlyList<TensorSet> sets, NetworkRequest request, Dictionary<string, string> metadata)
    {
        if (request.AsNamed) return new WeightsContent(sets[0], sets[0].Tensors, metadata);
        NetworkChoice choice = NetworkChoice.Of(budget.Source, sets, request.Key);
        if (choice.Place is { } place)
        {
            NamedNetwork network = NetworkNames.Translate(budget.Source, choice.Set, place, budget);
            return new WeightsContent(choice.Set, network.Tensors, metadata)
            {
                Kept = network.Kept,
                LeftOut = network.LeftOut,
                Others = choice.Others,
                Modules = network.Modules,
            };
        }
        IReadOnlyList<string> names = ParameterNames.ToTorchvision([.. choice.Set.Tensors.Select(tensor => tensor.Name)]);
        return new WeightsContent(choice.Set, [.. choice.Set.Tensors.Zip(names, (tensor, name) => tensor with { Name = name })], metadata);
    }
}
