using System.Collections.Immutable;
using System.Globalization;

namespace IlgpuResNet.Weights;

/// <summary>A layer of a head.</summary>
/// <param name="Path">Its module, such as <c>fc</c> or <c>fc.2</c>.</param>
/// <param name="IsNorm">True for a batch norm, false for a linear layer.</param>
/// <param name="HasBias">True when it has a bias.</param>
/// <param name="Inputs">Features that it takes.</param>
/// <param name="Outputs">Features that it gives.</param>
/// <param name="Relu">True when a ReLU follows it: a layer without tensors stands between it and the next in their Sequential.</param>
internal readonly record struct HeadLayer(string Path, bool IsNorm, bool HasBias, int Inputs, int Outputs, bool Relu);

/// <summary>Tensors of a module beside the trunk, and the layers that they make.</summary>
internal sealed class HeadModule(string name)
{
    private const string Fc = "fc";

    private readonly List<(int Index, string Path, string Parameter, ImmutableArray<int> Shape)> tensors = [];

    /// <summary>Name of the module.</summary>
    public string Name { get; } = name;

    /// <summary>Number of its tensors.</summary>
    public int Count => tensors.Count;

    /// <summary>Adds a tensor.</summary>
    /// <param name="index">Number of the tensor in its set.</param>
    /// <param name="rest">Its name after the module's.</param>
    /// <param name="shape">Its shape.</param>
    public void Add(int index, string rest, ImmutableArray<int> shape)
    {
        int dot = rest.LastIndexOf('.');
        tensors.Add((index, dot < 0 ? "" : rest[..dot], rest[(dot + 1)..], shape));
    }

    /// <summary>The layers, when they are a chain that starts with a number of features and has a linear layer; otherwise null.</summary>
    public ImmutableArray<HeadLayer>? Layers(int features)
    {
        if (tensors.Any(tensor => tensor.Shape.Contains(0))) return null;
        string[] paths = Paths();
        ImmutableArray<int>? numbers = Numbers(paths);
        var layers = ImmutableArray.CreateBuilder<HeadLayer>(paths.Length);
        int width = features;
        foreach (string path in paths)
        {
            if (Layer(path, width) is not { } layer) return null;
            layers.Add(layer);
            width = layer.Outputs;
        }
        if (!layers.Any(layer => !layer.IsNorm)) return null;
        if (layers.Count == 1) return [layers[0] with { Path = Fc }];
        bool rectified = true;
        for (int i = 0; i < layers.Count; i++)
        {
            bool gap = i < layers.Count - 1 && (numbers is not { } n || n[i + 1] - n[i] > 1);
            // Of the gaps between two linear layers the first is the ReLU, the others are Dropout. Features come from a ReLU.
            if (!layers[i].IsNorm) rectified = false;
            bool relu = gap && !rectified;
            if (relu) rectified = true;
            int number = numbers is { } known ? known[i] : 2 * i;
            layers[i] = layers[i] with { Path = $"{Fc}.{number}", Relu = relu };
        }
        return layers.MoveToImmutable();
    }

    /// <summary>Gives each tensor its name in torchvision's style.</summary>
    public IEnumerable<(int Index, string Name)> Names()
    {
        string[] paths = Paths();
        ImmutableArray<int>? numbers = Numbers(paths);
        return tensors.Select(tensor =>
        {
            int layer = Array.IndexOf(paths, tensor.Path);
            string path = paths.Length == 1 ? Fc : $"{Fc}.{(numbers is { } known ? known[layer] : 2 * layer)}";
            return (tensor.Index, $"{path}.{tensor.Parameter}");
        });
    }

    /// <summary>Index of each tensor, and its name after the module's.</summary>
    public IEnumerable<(int Index, string Name)> Rests() =>
        tensors.Select(tensor => (tensor.Index, tensor.Path.Length == 0 ? tensor.Parameter : $"{tensor.Path}.{tensor.Parameter}"));

    private HeadLayer? Layer(string path, int width)
    {
        ImmutableArray<int>? weight = Shape("weight"), bias = Shape("bias"), mean = Shape("running_mean"), variance = Shape("running_var");
        int expected = (weight is null ? 0 : 1) + (bias is null ? 0 : 1) + (mean is null ? 0 : 1) + (variance is null ? 0 : 1)
            + (Shape("num_batches_tracked") is null ? 0 : 1);
        if (tensors.Count(tensor => tensor.Path == path) != expected) return null;
        if (weight is [var channels])
        {
            bool whole = channels == width && Is(bias, width) && Is(mean, width) && Is(variance, width);
            return whole ? new HeadLayer(path, IsNorm: true, HasBias: true, width, width, Relu: false) : null;
        }
        if (weight is not ([_, _] or [_, _, 1, 1]) || weight.Value[1] != width || mean is not null) return null;
        return bias is null || Is(bias, weight.Value[0])
            ? new HeadLayer(path, IsNorm: false, bias is not null, width, weight.Value[0], Relu: false)
            : null;

        ImmutableArray<int>? Shape(string parameter)
        {
            foreach ((_, string own, string kind, ImmutableArray<int> shape) in tensors)
            {
                if (own == path && kind == parameter) return shape;
            }
            return null;
        }

        static bool Is(ImmutableArray<int>? shape, int size) => shape is [var only] && only == size;
    }

    /// <summary>Modules of the tensors, in the order of their numbers where all have one, else in that of the file.</summary>
    private string[] Paths()
    {
        string[] paths = [.. tensors.Select(tensor => tensor.Path).Distinct()];
        if (Numbers(paths) is { } numbers) Array.Sort([.. numbers], paths);
        return paths;
    }

    private static ImmutableArray<int>? Numbers(string[] paths)
    {
        var numbers = ImmutableArray.CreateBuilder<int>(paths.Length);
        foreach (string path in paths)
        {
            if (!int.TryParse(path, NumberStyles.None, CultureInfo.InvariantCulture, out int number)) return null;
            numbers.Add(number);
        }
        return numbers.MoveToImmutable();
    }
}
