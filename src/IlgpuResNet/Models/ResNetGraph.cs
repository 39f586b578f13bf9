using System.Collections.Immutable;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Models;

/// <summary>
/// Builds the graph of a <see cref="ResNetConfig"/> over a state dict with torchvision's names, in the order of the modules in
/// <c>torchvision/models/resnet.py</c>, or in timm's <c>resnetv2.py</c> for ResNet v2. A tensor has the name of the module that makes it; a
/// block's output has the name of the block.
/// </summary>
internal sealed class ResNetGraph
{
    /// <summary>Name of the input tensor.</summary>
    public const string InputName = "input";

    /// <summary>Name of the tensor of class scores.</summary>
    public const string LogitsName = "logits";

    /// <summary>Name of the tensor of softmax probabilities.</summary>
    public const string ProbabilitiesName = "probabilities";

    /// <summary>Name of the vector that <c>fc</c> reads.</summary>
    public const string FlattenName = "flatten";

    private readonly ResNetConfig config;
    private readonly IReadOnlyDictionary<string, StateTensor> weights;
    private readonly ImmutableArray<Node>.Builder nodes = ImmutableArray.CreateBuilder<Node>();

    private ResNetGraph(ResNetConfig config, IReadOnlyDictionary<string, StateTensor> weights)
    {
        this.config = config;
        this.weights = weights;
    }

    /// <summary>True for tensors that are vectors <c>[N, C]</c>; all others are maps.</summary>
    public static bool IsVector(string tensor) => tensor is FlattenName or LogitsName or ProbabilitiesName;

    /// <summary>Builds the graph; the state dict must have been checked against the config.</summary>
    public static Graph Build(ResNetConfig config, IReadOnlyDictionary<string, StateTensor> weights) =>
        new ResNetGraph(config, weights).Build();

    /// <summary>
    /// Further names of tensors, after PyTorch's modules: <c>layer3</c> is the output of that stage's last block, such as <c>layer3.5</c>,
    /// and <c>fc</c> is <see cref="LogitsName"/>.
    /// </summary>
    internal static ImmutableDictionary<string, string> Aliases(ResNetConfig config) => Enumerable.Range(0, config.Depths.Length)
        .ToImmutableDictionary(stage => $"layer{stage + 1}", stage => BlockPath(stage, config.Depths[stage] - 1))
        .Add("fc", LogitsName);

    private static string BlockPath(int stage, int block) => $"layer{stage + 1}.{block}";

    private Graph Build()
    {
        string x = Conv("conv1", InputName, stride: 2);
        if (!config.PreActivation) x = Relu("relu", Norm("bn1", x));
        x = Add(new Pool2dNode
        {
            Name = "maxpool",
            Inputs = [x],
            Output = "maxpool",
            Kind = PoolKind.Max,
            Kernel = (3, 3),
            Window = SlidingWindow.Create(stride: 2, pad: 1),
        });
        for (int stage = 0; stage < config.Depths.Length; stage++)
        {
            for (int block = 0; block < config.Depths[stage]; block++)
                x = config.PreActivation ? PreActivationBlock(stage, block, x) : Block(stage, block, x);
        }
        if (config.PreActivation) x = Relu("relu", Norm("bn", x));
        x = Add(new Pool2dNode
        {
            Name = "avgpool",
            Inputs = [x],
            Output = "avgpool",
            Kind = PoolKind.Average,
            Kernel = config.FixedPool is { } side ? (side, side) : null,
            Window = SlidingWindow.Create(stride: config.FixedPool ?? 1),
        });
        StateTensor matrix = ReshapedTensor.AsMatrix(weights["fc.weight"]);
        x = Add(new ViewNode { Name = FlattenName, Inputs = [x], Output = FlattenName, Shape = new MapShape(1, 1, matrix.Shape[1]) });
        Add(new LinearNode { Name = "fc", Inputs = [x], Output = LogitsName, Weight = matrix, Bias = weights["fc.bias"] });
        Add(new SoftmaxNode { Name = ProbabilitiesName, Inputs = [LogitsName], Output = ProbabilitiesName });
        return new Graph(config.Name, InputName, config.InputChannels, [LogitsName, ProbabilitiesName], nodes.DrainToImmutable());
    }

    private string Block(int stage, int block, string input)
    {
        string path = BlockPath(stage, block), x = input;
        for (int i = 1; i <= Convolutions; i++)
        {
            if (i > 1) x = Relu($"{path}.relu{i - 1}", x);
            x = Norm($"{path}.bn{i}", BranchConv(stage, block, i, x));
        }
        if (config.ReluBeforeAdd) x = Relu($"{path}.relu_branch", x);
        string shortcut = ResNetParameters.HasDownsample(config, stage, block)
            ? Norm($"{path}.downsample.1", Conv($"{path}.downsample.0", input, config.Stride(stage, block)))
            : input;
        return Relu($"{path}.relu", Sum($"{path}.add", x, shortcut), output: path);
    }

    /// <summary>A block as in figure 4 (e) of He et al. 2016; a shortcut that changes the shape starts after the first ReLU.</summary>
    private string PreActivationBlock(int stage, int block, string input)
    {
        string path = BlockPath(stage, block);
        string first = Relu($"{path}.relu1", Norm($"{path}.bn1", input)), x = BranchConv(stage, block, 1, first);
        for (int i = 2; i <= Convolutions; i++)
            x = BranchConv(stage, block, i, Relu($"{path}.relu{i}", Norm($"{path}.bn{i}", x)));
        string shortcut = ResNetParameters.HasDownsample(config, stage, block)
            ? Conv($"{path}.downsample.0", first, config.Stride(stage, block))
            : input;
        return Sum($"{path}.add", x, shortcut, output: path);
    }

    /// <summary>Number of convolutions on the branch of a block.</summary>
    private int Convolutions => config.Block == ResNetBlock.Bottleneck ? 3 : 2;

    /// <summary>The i-th convolution of a block's branch, counted from 1.</summary>
    private string BranchConv(int stage, int block, int i, string input)
    {
        bool bottleneck = config.Block == ResNetBlock.Bottleneck;
        int strided = bottleneck && config.StridePlacement == StridePlacement.Conv3x3 ? 2 : 1;
        bool middle = bottleneck && i == 2;
        return Conv(
            $"{BlockPath(stage, block)}.conv{i}",
            input,
            i == strided ? config.Stride(stage, block) : 1,
            middle ? config.Dilation(stage, block) : 1,
            middle ? config.Groups : 1);
    }

    private string Conv(string path, string input, int stride, int dilation = 1, int groups = 1)
    {
        StateTensor weight = weights[$"{path}.weight"];
        return Add(new Conv2dNode
        {
            Name = path,
            Inputs = [input],
            Output = path,
            Weight = weight,
            Bias = weights.GetValueOrDefault($"{path}.bias"),
            // "Same" padding of an odd window: 3 for 7x7, 1 for 3x3, 0 for 1x1, times the dilation.
            Window = SlidingWindow.Create(stride, pad: dilation * (weight.Shape[2] / 2), dilation),
            Groups = groups,
        });
    }

    private string Norm(string path, string input) => Add(new BatchNormNode
    {
        Name = path,
        Inputs = [input],
        Output = path,
        Weight = weights[$"{path}.weight"],
        Bias = weights[$"{path}.bias"],
        RunningMean = weights[$"{path}.running_mean"],
        RunningVar = weights[$"{path}.running_var"],
        Epsilon = config.BatchNormEpsilon,
    });

    private string Relu(string name, string input, string? output = null) =>
        Add(new ReluNode { Name = name, Inputs = [input], Output = output ?? name });

    private string Sum(string name, string branch, string shortcut, string? output = null) =>
        Add(new AddNode { Name = name, Inputs = [branch, shortcut], Output = output ?? name });

    private string Add(Node node)
    {
        nodes.Add(node);
        return node.Output;
    }
}
