using IlgpuResNet.Files;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Graphs;

/// <summary>
/// Last layers of a network that class activation maps can be computed for: one fully connected layer maps the channel means of a feature
/// map <c>[H, W, C]</c> to class scores <c>[K]</c>, <c>score[k] = bias[k] + sum_c weight[k, c] mean(map[.., .., c])</c>.
/// </summary>
/// <param name="Map">Name of the feature map's tensor in the graph.</param>
/// <param name="Shape">Shape of the feature map.</param>
/// <param name="PooledHeight">Rows that the mean covers, from the top.</param>
/// <param name="PooledWidth">Columns that the mean covers, from the left.</param>
/// <param name="Weight">Weight of the fully connected layer, <c>[K, C]</c>.</param>
/// <param name="Bias">Bias of the fully connected layer, <c>[K]</c>.</param>
internal sealed record PooledClassifier(string Map, MapShape Shape, int PooledHeight, int PooledWidth, float[] Weight, float[] Bias)
{
    /// <summary>Finds these layers in an optimised network, where biases and later operations are in the epilogues.</summary>
    /// <param name="network">A network for images of one size.</param>
    /// <param name="source">The network's file, for messages.</param>
    /// <exception cref="GraphException">The network ends differently; the message says how.</exception>
    /// <exception cref="WeightsException">The weights file can no longer be read.</exception>
    public static PooledClassifier Find(Network network, string source)
    {
        if (!network.IsClassifier) throw Other(source, "it gives no class scores");
        IReadOnlyDictionary<string, MapShape> shapes = network.Graph.InferShapes(network.InputShape.H, network.InputShape.W);
        Node? last = Maker(network.Graph, network.Outputs[0].Tensor);
        StateTensor? weight = last switch
        {
            LinearNode linear => linear.Weight,
            // On a single pixel a 1x1 convolution equals a fully connected layer.
            Conv2dNode { Weight.Shape: [_, _, 1, 1], Groups: 1, Window.Pad: var pad } conv
                when pad == default && IsVector(shapes[conv.Inputs[0]]) => conv.Weight,
            _ => null,
        };
        if (weight is null || last is not EpilogueNode { Inputs: [var features] } layer)
            throw Other(source, $"its scores are made by {Described(last)}");
        EpilogueSpec epilogue = layer.Epilogue;
        if (epilogue is not { ReluBeforeAdd: false, HasResidual: false, Relu: false, Activation: null, Clip: null })
            throw Other(source, $"something that is not linear comes after its layer '{FileText.Clean(layer.Name)}'");
        if (Maker(network.Graph, features) is not Pool2dNode { Kind: PoolKind.Average } pool || !IsVector(shapes[pool.Output]))
        {
            throw Other(
                source,
                $"its layer '{FileText.Clean(layer.Name)}' reads {shapes[features]} of {Described(Maker(network.Graph, features))}");
        }

        MapShape map = shapes[pool.Inputs[0]];
        (int height, int width) = pool.Kernel ?? (map.H, map.W);
        bool isPlain = pool.Kernel is null
            || (pool.Window is { DilationH: 1, DilationW: 1 }
                && pool.Window.Place(map, height, width) is { Pad: var padding } && padding == default);
        if (!isPlain) throw Other(source, $"its pool '{FileText.Clean(pool.Name)}' has padding or a dilation");
        return new PooledClassifier(
            pool.Inputs[0], map, height, width, Scaled(weight.ToArray(), map.C, epilogue), BiasOf(epilogue, weight.Shape[0]));
    }

    /// <summary>Adds the feature map, <c>[C, H, W]</c> to callers, to a network's outputs, before logits and probabilities.</summary>
    public Network WithMap(Network network) => network with
    {
        Graph = network.Graph with { Outputs = [Map, .. network.Graph.Outputs.Where(output => output != Map)] },
        Outputs = [TensorView.OfMap(Map, Map, Shape), .. network.Outputs],
        IsClassifier = false,
    };

    private static bool IsVector(MapShape shape) => shape is { H: 1, W: 1 };

    /// <summary>Returns the node that computes a tensor, looking through views, which only rename it.</summary>
    private static Node? Maker(Graph graph, string tensor)
    {
        Node? maker;
        while ((maker = graph.Nodes.FirstOrDefault(node => node.Output == tensor)) is ViewNode view) tensor = view.Inputs[0];
        return maker;
    }

    private static float[] Scaled(float[] weight, int channels, EpilogueSpec epilogue)
    {
        if (epilogue.Scale is not { } scale) return weight;
        for (int i = 0; i < weight.Length; i++) weight[i] = (float)(weight[i] * scale[i / channels]);
        return weight;
    }

    private static float[] BiasOf(EpilogueSpec epilogue, int classes)
    {
        var bias = new float[classes];
        if (epilogue.Shift is { } shift)
            for (int k = 0; k < classes; k++) bias[k] = (float)shift[k];
        return bias;
    }

    private static string Described(Node? node) => node is null
        ? "its input"
        : $"'{FileText.Clean(node.Name)}', a {node.GetType().Name.Replace("Node", "", StringComparison.Ordinal)}";

    private static GraphException Other(string source, string found) => new(
        $"{source}: class activation maps need a network that ends in an average pool over its last map and one fully connected layer, "
        + $"as ResNets do, but {found}.");
}
