using System.Collections.Immutable;
using IlgpuResNet.Files;

namespace IlgpuResNet.Weights;

/// <summary>Chooses a network among those of a weights file.</summary>
/// <param name="Set">The set that it lies in.</param>
/// <param name="Place">Its place there; null when no ResNet was found and the set is taken as it is.</param>
/// <param name="Others">Keys of the other networks, in file order.</param>
internal sealed record NetworkChoice(TensorSet Set, NetworkPlace? Place, ImmutableArray<string> Others)
{
    private const int KeysInMessage = 8;
    private const int Unknown = 100;
    private const int Unlikely = 1000;

    /// <summary>Entries and prefixes of networks, best first: what training scripts save, then averages and copies of it.</summary>
    private static readonly string[] Best =
    [
        "state_dict", "model_state_dict", "model", "net", "network", "model_state", "weights", "params", "module", "encoder_q", "online",
        "backbone", "encoder", "teacher", "student", "state_dict_ema", "model_ema", "ema", "momentum", "target", "encoder_k",
    ];

    /// <summary>Words of entries that hold no network, though their tensors may have a network's names.</summary>
    private static readonly string[] Beside = ["optim", "scheduler", "grad", "momentum_buffer", "exp_avg"];

    /// <summary>Chooses the network under a key, or the best known one.</summary>
    /// <param name="source">The file, for messages.</param>
    /// <param name="sets">Sets of tensors, in file order; at least one.</param>
    /// <param name="key">The key that the user gives, or null.</param>
    /// <exception cref="WeightsException">No network has the key, or several are equally good; the message lists them.</exception>
    public static NetworkChoice Of(string source, IReadOnlyList<TensorSet> sets, string? key)
    {
        var options = new List<(TensorSet Set, NetworkPlace? Place, string Key)>();
        foreach (TensorSet set in sets)
        {
            List<NetworkPlace> places = NetworkNames.Find(set);
            foreach (NetworkPlace place in places)
                options.Add((set, place, places.Count == 1 && set.Key.Length > 0 ? set.Key : Join(set.Key, place.Prefix)));
        }
        if (options.Count == 0) options.AddRange(sets.Select(set => (set, (NetworkPlace?)null, set.Key)));
        if (key is not null)
        {
            var asked = options.FindAll(option => IsCalled(option.Key, key));
            if (asked.Count != 1)
            {
                string found = asked.Count == 0 ? "nothing" : "several";
                throw new WeightsException(
                    $"{source}: the key '{FileText.Clean(key)}' names {found} in it; "
                    + $"its networks are: {List(options.Select(option => option.Key))}.");
            }
            return new NetworkChoice(asked[0].Set, asked[0].Place, []);
        }
        int best = options.Min(option => Rank(option.Key));
        var chosen = options.FindAll(option => Rank(option.Key) == best);
        if (chosen.Count > 1 && chosen[0].Place is not null && best >= Unknown)
        {
            throw new WeightsException(
                $"{source}: holds several networks: {List(chosen.Select(option => option.Key))}; choose one by its key.");
        }
        return new NetworkChoice(
            chosen[0].Set,
            chosen[0].Place,
            chosen[0].Place is null ? [] : [.. options.Where(option => option != chosen[0]).Select(option => option.Key)]);
    }

    private static string Join(string key, string prefix)
    {
        string path = prefix.TrimEnd('.');
        return key.Length > 0 && path.Length > 0 ? $"{key}.{path}" : key + path;
    }

    private static bool IsCalled(string path, string key) =>
        path == key || path.EndsWith($".{key}", StringComparison.Ordinal) || path == key.TrimEnd('.');

    private static string List(IEnumerable<string> keys)
    {
        string[] names = [.. keys.Select(key => key.Length == 0 ? "the whole file" : FileText.Clean(key))];
        return string.Join(", ", names.Take(KeysInMessage)) + (names.Length > KeysInMessage ? " and others" : "");
    }

    /// <summary>
    /// Lower is better: the least known word of a path decides. A script may store tensors, such as its best accuracy, beside a state
    /// dict, so the outermost entries come after the known ones.
    /// </summary>
    private static int Rank(string path)
    {
        if (path.Length == 0) return Unknown - 1;
        int rank = 0;
        foreach (string word in path.Split('.'))
        {
            if (Array.Exists(Beside, part => word.Contains(part, StringComparison.OrdinalIgnoreCase))) return Unlikely;
            int index = Array.IndexOf(Best, word);
            rank = Math.Max(rank, index < 0 ? Unknown : index + 1);
        }
        return rank;
    }
}
