using System.Collections.Immutable;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Place of a ResNet among named tensors: the prefix of its names, and how the rest of them is built.</summary>
internal readonly record struct NetworkPlace(string Prefix, NameScheme Scheme);

/// <summary>
/// Finds ResNets in a set of tensors, whatever prefix their names have, and translates their names into torchvision's. The head may lie
/// beside the trunk under any shorter prefix; see <see cref="HeadFinder"/>. Other tensors are left out.
/// </summary>
internal static class NetworkNames
{
    private const int MostPlaces = 16;

    /// <summary>Lists the ResNets of a set, in file order.</summary>
    public static List<NetworkPlace> Find(TensorSet set)
    {
        var places = new List<NetworkPlace>();
        foreach (TensorEntry tensor in set.Tensors) Consider(tensor.Name);
        foreach ((string name, _) in set.Opaque) Consider(name);
        return places;

        void Consider(string name)
        {
            if (places.Count == MostPlaces || NameSchemes.Recognise(name) is not var (scheme, length)) return;
            var place = new NetworkPlace(name[..length], scheme);
            if (NameSchemes.Witness(scheme) is { } witness && !Has(place.Prefix + witness)) return;
            if (!places.Contains(place)) places.Add(place);
        }

        bool Has(string name) => set.Tensors.Exists(tensor => tensor.Name == name);
    }

    /// <summary>Translates the names of one ResNet.</summary>
    /// <param name="source">The file, for messages.</param>
    /// <param name="set">The tensors.</param>
    /// <param name="place">The ResNet.</param>
    /// <param name="budget">Memory that may be allocated.</param>
    /// <exception cref="WeightsException">A tensor of the network depends on an object that is not made.</exception>
    public static NamedNetwork Translate(string source, TensorSet set, NetworkPlace place, ReadBudget budget)
    {
        foreach ((string name, string what) in set.Opaque)
        {
            if (Inside(place, name) is not null) throw Depends(source, name, what);
        }
        string?[] names = new string?[set.Tensors.Count];
        for (int i = 0; i < names.Length; i++)
        {
            string name = set.Tensors[i].Name;
            budget.Charge(sizeof(long) + 2L * name.Length);
            names[i] = name is ParameterNames.AveragedCounter ? name : Inside(place, name);
        }
        if (!HeadFinder.Name(set.Tensors, place.Prefix, names) && place.Scheme is NameScheme.Children)
        {
            throw new WeightsException(
                $"{source}: its tensors have the numbers of a Sequential, such as {FileText.Clean(place.Prefix)}0.weight, and no linear "
                + "layer beside them takes the features, so where the network ends is unknown; save the state dict of the whole model.");
        }

        var tensors = new List<TensorEntry>(names.Length);
        var kept = new List<int>(names.Length);
        var leftOut = ImmutableArray.CreateBuilder<string>();
        for (int i = 0; i < names.Length; i++)
        {
            if (names[i] is not { } own)
            {
                leftOut.Add(set.Tensors[i].Name);
                continue;
            }
            tensors.Add(set.Tensors[i] with { Name = own });
            kept.Add(i);
        }
        var modules = new Dictionary<string, ModuleFacts>(StringComparer.Ordinal);
        foreach ((string path, ModuleFacts facts) in set.Modules)
        {
            if (!path.StartsWith(place.Prefix, StringComparison.Ordinal)) continue;
            string rest = path[place.Prefix.Length..];
            budget.Charge(sizeof(long) + 2L * path.Length);
            modules.TryAdd(NameSchemes.Trunk(place.Scheme, rest) ?? rest, facts);
        }
        return new NamedNetwork(tensors, kept, leftOut.DrainToImmutable(), modules);
    }

    /// <summary>The error of a tensor that depends on an object that is not made.</summary>
    public static WeightsException Depends(string source, string name, string what) => new(
        $"{source}: tensor {FileText.Clean(name)} depends on {what}; nothing was executed. To convert the file: in Python, where you trust "
        + "it, load it and save torch.save(model.state_dict(), path).");

    private static string? Inside(NetworkPlace place, string name) => name.StartsWith(place.Prefix, StringComparison.Ordinal)
        ? NameSchemes.Trunk(place.Scheme, name[place.Prefix.Length..])
        : null;
}

/// <summary>The tensors of a ResNet under torchvision's names.</summary>
/// <param name="Tensors">Trunk and head.</param>
/// <param name="Kept">Index of each tensor in its set.</param>
/// <param name="LeftOut">Names in the file of the tensors beside the network.</param>
/// <param name="Modules">Modules of a pickled network by their path, with a dot at the end.</param>
internal sealed record NamedNetwork(
    List<TensorEntry> Tensors, List<int> Kept, ImmutableArray<string> LeftOut, Dictionary<string, ModuleFacts> Modules);
