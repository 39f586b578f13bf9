using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// Builds the graph of a <see cref="ResNetConfig"/> over a state dict with torchvision's names, module by module as
/// <c>torchvision/models/resnet.py</c> runs them.
/// </summary>
internal sealed class ResNetGraph
{
    /// <summary>Name of the input tensor.</summary>
    public const string InputName = "input";

    /// <summary>Name of the tensor of class scores.</summary>
    public const string LogitsName = "logits";

    /// <summary>Name of the tensor of softmax probabilities.</summary>
    public const string ProbabilitiesName = "probabilities";

    private const string FlattenName = "flatten";

    private readonly ResNetConfig config;
    private readonly IReadOnlyDictionary<string, StateTensor> weights;
    private readonly ImmutableArray<Node>.Builder nodes = ImmutableArray.CreateBuilder<Node>();

    private ResNetGraph(ResNetConfig config, IReadOnlyDictionary<string, StateTensor> weights)
    {
        this.config = config;
        this.weights = weights;
    }

    /// <summary>Names of PyTorch's modules whose output has another name in the graph.</summary>
    public static ImmutableDictionary<string, string> Aliases(ResNetConfig config) =>
        config.Depths.Select((depth, stage) => KeyValuePair.Create($"layer{stage + 1}", $"layer{stage + 1}.{depth - 1}"))
            .Append(KeyValuePair.Create("fc", LogitsName))
            .ToImmutableDictionary();

    /// <summary>True of the tensors that are vectors <c>[N, C]</c>; all others are maps.</summary>
    public static bool IsVector(string tensor) => tensor is FlattenName or LogitsName or ProbabilitiesName;

    /// <summary>Builds the graph; the state dict must have been checked against the config.</summary>
    public static Graph Build(ResNetConfig config, IReadOnlyDictionary<string, StateTensor> weights) =>
        new ResNetGraph(config, weights).Build();

    private Graph Build()
    {
        string x = Relu("relu", ConvNorm(InputName, "conv1", "bn1", stride: 2));
        x = Add(new Pool2dNode { Name = "maxpool", Inputs = [x], Output = "maxpool", Kind = PoolKind.Max, Kernel = (3, 3), Window = SlidingWindow.Create(stride: 2, pad: 1) });
        for (int stage = 0; stage < config.Depths.Length; stage++)
        {
            for (int block = 0; block < config.Depths[stage]; block++)
            {
                int stride = stage > 0 && block == 0 ? 2 : 1;
                x = Block($"layer{stage + 1}.{block}", x, stride, ResNetParameters.HasDownsample(config, stage, block));
            }
        }
        x = Add(new Pool2dNode
        {
            Name = "avgpool",
            Inputs = [x],
            Output = "avgpool",
            Kind = PoolKind.Average,
            Kernel = config.FixedPool is { } side ? (side, side) : null,
            Window = SlidingWindow.Create(stride: config.FixedPool ?? 1),
        });
        x = Add(new ViewNode { Name = FlattenName, Inputs = [x], Output = FlattenName, Shape = new MapShape(1, 1, weights["fc.weight"].Shape[1]) });
        Add(new LinearNode { Name = "fc", Inputs = [x], Output = LogitsName, Weight = weights["fc.weight"], Bias = weights["fc.bias"] });
        Add(new SoftmaxNode { Name = ProbabilitiesName, Inputs = [LogitsName], Output = ProbabilitiesName });
        return new Graph(config.Name, InputName, config.InputChannels, [LogitsName, ProbabilitiesName], nodes.DrainToImmutable());
    }

    private string Block(string path, string input, int stride, bool downsample)
    {
        bool strideFirst = config.Block == ResNetBlock.Basic || config.StridePlacement == StridePlacement.FirstConv1x1;
        string x = Relu($"{path}.relu1", ConvNorm(input, $"{path}.conv1", $"{path}.bn1", strideFirst ? stride : 1));
        x = ConvNorm(x, $"{path}.conv2", $"{path}.bn2", strideFirst ? 1 : stride);
        if (config.Block == ResNetBlock.Bottleneck)
            x = ConvNorm(Relu($"{path}.relu2", x), $"{path}.conv3", $"{path}.bn3", stride: 1);
        if (config.ReluBeforeAdd) x = Relu($"{path}.relu_branch", x);
        string shortcut = downsample ? ConvNorm(input, $"{path}.downsample.0", $"{path}.downsample.1", stride) : input;
        x = Add(new AddNode { Name = $"{path}.add", Inputs = [x, shortcut], Output = $"{path}.add" });
        return Relu($"{path}.relu", x, output: path);
    }

    private string ConvNorm(string input, string conv, string norm, int stride)
    {
        StateTensor weight = weights[$"{conv}.weight"];
        Add(new Conv2dNode
        {
            Name = conv,
            Inputs = [input],
            Output = conv,
            Weight = weight,
            Bias = weights.GetValueOrDefault($"{conv}.bias"),
            // "Same" padding of an odd window: 3 for 7x7, 1 for 3x3, 0 for 1x1.
            Window = SlidingWindow.Create(stride, pad: weight.Shape[2] / 2),
        });
        return Add(new BatchNormNode
        {
            Name = norm,
            Inputs = [conv],
            Output = norm,
            Weight = weights[$"{norm}.weight"],
            Bias = weights[$"{norm}.bias"],
            RunningMean = weights[$"{norm}.running_mean"],
            RunningVar = weights[$"{norm}.running_var"],
            Epsilon = config.BatchNormEpsilon,
        });
    }

    private string Relu(string name, string input, string? output = null) =>
        Add(new ReluNode { Name = name, Inputs = [input], Output = output ?? name });

    private string Add(Node node)
    {
        nodes.Add(node);
        return node.Output;
    }
}
