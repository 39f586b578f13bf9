using System.Collections.Immutable;

namespace IlgpuResNet.Weights;

/// <summary>
/// Finds the head of a ResNet, a chain of linear layers and batch norms that starts with the trunk's features, and names its tensors
/// <c>fc.weight</c> and <c>fc.bias</c>, or <c>fc.0.weight</c> and so on for several layers.
/// </summary>
internal static class HeadFinder
{
    private const string Fc = "fc";

    /// <summary>Modules that are a classifier by their name, best known first.</summary>
    private static readonly string[] Known = [Fc, "linear", "classifier", "head", "last_linear", "logits", "fc_layer", "output"];

    /// <summary>Words in the names of modules that are no classifier, though their layers would fit.</summary>
    private static readonly string[] Others =
        ["proj", "predict", "contrast", "aux", "queue", "criterion", "loss", "metric", "momentum", "teacher", "discrim", "rot"];

    /// <summary>Names the tensors of the head, where there is one.</summary>
    /// <param name="tensors">All tensors, with the names of the file.</param>
    /// <param name="prefix">Prefix of the trunk; the head lies under it or under a shorter one.</param>
    /// <param name="names">The names found so far; those of the head are added.</param>
    /// <returns>False when there is no head.</returns>
    public static bool Name(List<TensorEntry> tensors, string prefix, string?[] names)
    {
        int features = Features(tensors, names);
        if (features == 0) return false;
        for (string level = prefix; ; level = Parent(level))
        {
            List<HeadModule> modules = Modules(tensors, names, level);
            if (Best(modules, features) is { } head)
            {
                foreach ((int index, string name) in head.Names()) names[index] = name;
                return true;
            }
            // The network's own classifier is kept although its layers do not fit: then the check of its tensors says why.
            if (level == prefix && modules.Find(module => module.Name == Fc) is { } classifier)
            {
                foreach ((int index, string rest) in classifier.Rests()) names[index] = $"{Fc}.{rest}";
                return true;
            }
            if (level.Length == 0) return false;
        }
    }

    /// <summary>Parses the layers of the head of a network with torchvision's names.</summary>
    /// <param name="tensors">Name and shape of each tensor.</param>
    /// <param name="features">Length of the trunk's feature vector.</param>
    /// <returns>The layers; empty when there is no head; null when its tensors make no chain.</returns>
    public static ImmutableArray<HeadLayer>? Parse(IEnumerable<(string Name, ImmutableArray<int> Shape)> tensors, int features)
    {
        var module = new HeadModule(Fc);
        int i = 0;
        foreach ((string name, ImmutableArray<int> shape) in tensors)
        {
            if (name.StartsWith("fc.", StringComparison.Ordinal)) module.Add(i, name[3..], shape);
            i++;
        }
        return module.Count == 0 ? [] : module.Layers(features);
    }

    /// <summary>Channels of the trunk's last map: those of the last convolution in a block of the last stage; 0 when unknown.</summary>
    private static int Features(List<TensorEntry> tensors, string?[] names)
    {
        string last = "";
        int features = 0;
        for (int i = 0; i < names.Length; i++)
        {
            if (names[i] is not { } name || !name.StartsWith("layer", StringComparison.Ordinal)) continue;
            if (!name.EndsWith(".0.conv2.weight", StringComparison.Ordinal) && !name.EndsWith(".0.conv3.weight", StringComparison.Ordinal))
                continue;
            if (string.CompareOrdinal(name, last) < 0 || tensors[i].Shape is not [var channels, ..]) continue;
            last = name;
            features = channels;
        }
        return features;
    }

    private static string Parent(string level)
    {
        int dot = level.LastIndexOf('.', level.Length - 2);
        return level[..(dot + 1)];
    }

    /// <summary>Groups the tensors outside the trunk by the module that they have under a prefix.</summary>
    private static List<HeadModule> Modules(List<TensorEntry> tensors, string?[] names, string level)
    {
        var modules = new List<HeadModule>();
        for (int i = 0; i < names.Length; i++)
        {
            string name = tensors[i].Name;
            if (names[i] is not null || !name.StartsWith(level, StringComparison.Ordinal)) continue;
            int dot = name.IndexOf('.', level.Length);
            if (dot < 0) continue;
            ReadOnlySpan<char> path = name.AsSpan(level.Length, dot - level.Length);
            HeadModule? module = modules.Count > 0 && path.SequenceEqual(modules[^1].Name) ? modules[^1] : null;
            if (module is null)
            {
                string own = path.ToString();
                module = modules.Find(other => other.Name == own);
                if (module is null) modules.Add(module = new HeadModule(own));
            }
            module.Add(i, name[(dot + 1)..], tensors[i].Shape);
        }
        return modules;
    }

    /// <summary>The module with the best known name, else the only one that fits.</summary>
    private static HeadModule? Best(List<HeadModule> modules, int features)
    {
        HeadModule[] fitting = [.. modules.Where(module => module.Layers(features) is { Length: > 0 })];
        foreach (string name in Known)
        {
            if (Array.Find(fitting, module => module.Name == name) is { } known) return known;
        }
        HeadModule[] likely =
            [.. fitting.Where(module => !Array.Exists(Others, word => module.Name.Contains(word, StringComparison.OrdinalIgnoreCase)))];
        return likely.Length == 1 ? likely[0] : null;
    }
}
