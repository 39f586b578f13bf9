using System.Collections.Immutable;
using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>The one input of a graph that is not a constant. All its sizes are decided, except a batch that the file leaves open.</summary>
internal sealed class OnnxInput
{
    /// <summary>Channels of an image where the file does not state them.</summary>
    private const int UsualChannels = 3;

    private static readonly string TooLarge = $"passes the limit of {int.MaxValue} elements a tensor; use a smaller image.";

    private readonly ImmutableArray<int> sizes;
    private readonly bool channelsLast;

    private OnnxInput(string name, ImmutableArray<int> sizes, bool channelsLast, (int, int)? fixedSize)
    {
        Name = name;
        this.sizes = sizes;
        this.channelsLast = channelsLast;
        FixedSize = fixedSize;
    }

    /// <summary>Name of the value.</summary>
    public string Name { get; }

    /// <summary>Size of the images that the file is fixed to, in pixels; null when it also takes others.</summary>
    public (int Height, int Width)? FixedSize { get; }

    /// <summary>True for <c>[N, C, H, W]</c> and <c>[N, H, W, C]</c>.</summary>
    public bool IsImage => sizes.Length == 4;

    /// <summary>Height of an image in pixels.</summary>
    public int Height => sizes[HeightAxis(channelsLast)];

    /// <summary>Width of an image in pixels.</summary>
    public int Width => sizes[HeightAxis(channelsLast) + 1];

    /// <summary>Finds the input and decides its sizes.</summary>
    /// <param name="file">The model.</param>
    /// <param name="constants">Inputs that are given as constants.</param>
    /// <param name="height">Height that the user asks for, or null.</param>
    /// <param name="width">Width that the user asks for, or null.</param>
    /// <param name="usual">Size of an image where neither the file nor the user states it.</param>
    /// <param name="budget">Budget of the memory that may be allocated.</param>
    /// <exception cref="GraphException">The model has no such input or several, or the sizes do not fit the file's.</exception>
    public static OnnxInput Create(
        OnnxFile file, ImmutableArray<StateTensor> constants, int? height, int? width, (int Height, int Width) usual, ReadBudget budget)
    {
        const int BytesPerName = 128;
        budget.Charge(BytesPerName * file.Graph.Nodes.Sum(node => (long)node.Inputs.Length));
        var used = file.Graph.Nodes.SelectMany(node => node.Inputs).Concat(file.Graph.Outputs.Select(output => output.Name))
            .ToHashSet(StringComparer.Ordinal);
        OnnxValue[] inputs = [.. file.Graph.Inputs.Where(value => value.Name.Length > 0 && used.Contains(value.Name)
            && !file.Graph.Initializers.ContainsKey(value.Name) && !constants.Any(constant => constant.Name == value.Name))];
        if (inputs is not [var input])
        {
            string found = inputs.Length == 0
                ? "none that anything is computed from"
                : $"{inputs.Length}: {string.Join(", ", inputs.Take(4).Select(value => FileText.Clean(value.Name)))}";
            throw new GraphException($"{file.Path}: a model with one input was expected, but it has {found}.");
        }
        string its = $"{file.Path}: its input";
        string named = $"{its} {FileText.Clean(input.Name)}";
        string type = OnnxElementType.Name(input.ElementType);
        // Pixels as bytes are converted by a Cast, which the network has no use for: its memory has floats.
        if (input.ElementType is not (OnnxElementType.Undefined or OnnxElementType.UInt8) && !OnnxElementType.IsFloat(input.ElementType))
            throw new GraphException($"{named} is {type}, but floats were expected; export the model with a float input.");
        ImmutableArray<OnnxDimension> dims = input.Shape ?? [.. Enumerable.Repeat(default(OnnxDimension), 4)];
        if (dims.Length > OnnxOperator.MostDims)
            throw new GraphException($"{its} has {dims.Length} dimensions, more than the {OnnxOperator.MostDims} that are supported.");
        bool channelsLast = IsChannelsLast(dims);
        ImmutableArray<int> sizes = dims.Length == 4
            ? channelsLast
                ? [SizeOf(0) ?? 0, Height(1), Width(2), SizeOf(3)!.Value]
                : [SizeOf(0) ?? 0, SizeOf(1) ?? UsualChannels, Height(2), Width(3)]
            : [.. Enumerable.Range(0, dims.Length).Select(axis => SizeOf(axis) ?? (axis == 0 ? 0 : throw Unknown(axis)))];
        if (dims.Length != 4 && (height ?? width) is not null)
        {
            string h = height?.ToString(CultureInfo.InvariantCulture) ?? "any", w = width?.ToString(CultureInfo.InvariantCulture) ?? "any";
            throw new GraphException($"{named} is no image [N, C, H, W], but a size of {h}x{w} was asked for; ask for none.");
        }
        if (dims.Any(dim => dim.Value == 0 && dim.Parameter is null)) throw new GraphException($"{named} has no elements.");
        if (sizes.Aggregate((Int128)1, (count, size) => Int128.Min(count * Math.Max(size, 1), long.MaxValue)) > int.MaxValue)
            throw new GraphException($"{its} [{string.Join(", ", sizes)}] {TooLarge}");
        int heightAxis = HeightAxis(channelsLast);
        (int, int)? fixedSize =
            dims.Length == 4 && SizeOf(heightAxis) is { } statedHeight && SizeOf(heightAxis + 1) is { } statedWidth
                ? (statedHeight, statedWidth)
                : null;
        return new OnnxInput(input.Name, sizes, channelsLast, fixedSize);

        int? SizeOf(int axis) => dims[axis].Value switch
        {
            null or <= 0 => null,
            <= int.MaxValue and var size => (int)size,
            var size => throw new GraphException($"{Dimension(axis)} is {size}, which {TooLarge}"),
        };

        int Height(int axis) => Side(axis, "height", height, usual.Height);

        int Width(int axis) => Side(axis, "width", width, usual.Width);

        int Side(int axis, string name, int? asked, int usualSide)
        {
            int? stated = SizeOf(axis);
            if (asked < 1)
                throw new GraphException($"{file.Path}: the input must be at least 1x1 pixels, but a {name} of {asked} was asked for.");
            if (stated is not null && asked is not null && stated != asked)
            {
                throw new GraphException(
                    $"{its} has a fixed {name} of {stated} pixels, but {asked} was asked for; "
                    + "use that size, or export the model with a dynamic one.");
            }
            return stated ?? asked ?? usualSide;
        }

        GraphException Unknown(int axis) => new($"{Dimension(axis)} is not stated; export the model with fixed sizes.");

        string Dimension(int axis) => $"{file.Path}: dimension {axis} of its input {FileText.Clean(input.Name)}";
    }

    /// <summary>Height and width of a tensor that is given as this input; nulls when the tensor or this input is no image.</summary>
    public (int? Height, int? Width) SizeOf(ReadOnlySpan<int> shape) =>
        IsImage && shape.Length == 4 ? (shape[HeightAxis(channelsLast)], shape[HeightAxis(channelsLast) + 1]) : (null, null);

    private static int HeightAxis(bool channelsLast) => channelsLast ? 1 : 2;

    /// <summary>True when channels come last, as in TensorFlow: the last dimension has 1 or 3 elements, the second neither.</summary>
    private static bool IsChannelsLast(ImmutableArray<OnnxDimension> dims) =>
        dims is [_, { Value: not (1 or UsualChannels) }, _, { Value: 1 or UsualChannels }];

    /// <summary>
    /// The orders in which the input can lie in memory, the most likely first: the first dimension as the batch and channels last, then
    /// other orders, then, if every size is fixed, the whole tensor as one image.
    /// </summary>
    public IEnumerable<Activation> Layouts()
    {
        if (sizes.Length == 0)
        {
            yield return new Activation(Name, new MapShape(1, 1, 1), [], []);
            yield break;
        }
        foreach (ImmutableArray<int> order in Orders(first: 1)) yield return Make(order, hasBatch: true);
        if (sizes[0] == 0) yield break;
        foreach (ImmutableArray<int> order in Orders(first: 0)) yield return Make(order, hasBatch: false);
    }

    /// <summary>Orders of the dimensions: channels last, then the file's own order, then each other dimension last.</summary>
    private IEnumerable<ImmutableArray<int>> Orders(int first)
    {
        int[] natural = [.. Enumerable.Range(first, sizes.Length - first)];
        IEnumerable<int> last = sizes.Length >= 3 ? natural[^1..].Concat(natural).Prepend(1) : natural.Reverse();
        return last.Distinct().Select(axis => natural.Where(other => other != axis).Append(axis).ToImmutableArray()).DefaultIfEmpty([]);
    }

    private Activation Make(ImmutableArray<int> order, bool hasBatch)
    {
        ImmutableArray<Axis>[] dims = [.. sizes.Select((size, axis) =>
            axis == 0 && hasBatch ? [new Axis(size, isBatch: true)] : OnnxGraphBuilder.AxesOf(size))];
        int c = order.Length > 0 ? sizes[order[^1]] : 1, w = order.Length > 1 ? sizes[order[^2]] : 1;
        int h = order.Take(Math.Max(order.Length - 2, 0)).Aggregate(1, (product, axis) => product * sizes[axis]);
        ImmutableArray<Axis> batch = hasBatch ? dims[0] : [];
        return new Activation(Name, new MapShape(h, w, c), [.. batch, .. order.SelectMany(axis => dims[axis])], [.. dims]);
    }
}
