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
    public static bool IsVector(string tensor) => tensor is FlattenName or LogitsName or ProbabilitiesName
        || tensor.StartsWith("fc.", StringComparison.Ordinal);

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
        string x = Stem();
        if (!config.PreActivation) x = Relu("relu", Norm("bn1", x));
        if (config.Layout.MaxPool) x = Pool("maxpool", x, PoolKind.Max, (3, 3), SlidingWindow.Create(stride: 2, pad: 1));
        for (int stage = 0; stage < config.Depths.Length; stage++)
        {
            for (int block = 0; block < config.Depths[stage]; block++)
                x = config.PreActivation ? PreActivationBlock(stage, block, x) : Block(stage, block, x);
        }
        if (config.PreActivation) x = Relu("relu", Norm("bn", x));
        x = Pool(
            "avgpool",
            x,
            PoolKind.Average,
            config.FixedPool is { } side ? (side, side) : null,
            SlidingWindow.Create(stride: config.FixedPool ?? 1));
        ImmutableArray<HeadLayer> head = config.Layout.HeadOf(config);
        int length = head is [] ? config.Features : head[0].Inputs;
        x = Add(new ViewNode { Name = FlattenName, Inputs = [x], Output = FlattenName, Shape = new MapShape(1, 1, length) });
        if (head is []) return new Graph(config.Name, InputName, config.InputChannels, [FlattenName], nodes.DrainToImmutable());
        for (int i = 0; i < head.Length; i++) x = Layer(head[i], x, isLast: i == head.Length - 1);
        Add(new SoftmaxNode { Name = ProbabilitiesName, Inputs = [LogitsName], Output = ProbabilitiesName });
        return new Graph(config.Name, InputName, config.InputChannels, [LogitsName, ProbabilitiesName], nodes.DrainToImmutable());
    }

    private string Stem()
    {
        if (config.Layout.Stem is not StemKind.Deep)
            return Conv("conv1", InputName, stride: config.Layout.Stem is StemKind.Conv3x3 ? 1 : 2);
        string x = Relu("conv1.2", Norm("conv1.1", Conv("conv1.0", InputName, stride: 2)));
        x = Relu("conv1.5", Norm("conv1.4", Conv("conv1.3", x, stride: 1)));
        return Conv("conv1.6", x, stride: 1);
    }

    private string Layer(HeadLayer layer, string input, bool isLast)
    {
        string output = isLast ? LogitsName : layer.Path;
        string x = layer.IsNorm ? BatchNorm(layer.Path, input, output) : Add(new LinearNode
        {
            Name = layer.Path,
            Inputs = [input],
            Output = output,
            Weight = ReshapedTensor.AsMatrix(weights[$"{layer.Path}.weight"]),
            Bias = layer.HasBias ? weights[$"{layer.Path}.bias"] : null,
        });
        return layer.Relu ? Relu($"{layer.Path}.relu", x) : x;
    }

    private string Block(int stage, int block, string input)
    {
        string path = BlockPath(stage, block), x = input;
        for (int i = 1; i <= Convolutions; i++)
        {
            if (i > 1) x = Relu($"{path}.relu{i - 1}", x);
            x = Norm($"{path}.bn{i}", BranchConv(stage, block, i, x));
        }
        if (config.Layout.SqueezeWidths is not []) x = Gated($"{path}.se", x);
        if (config.ReluBeforeAdd) x = Relu($"{path}.relu_branch", x);
        string shortcut = ResNetParameters.HasDownsample(config, stage, block) ? Shortcut(stage, block, input) : input;
        return Relu($"{path}.relu", Sum($"{path}.add", x, shortcut), output: path);
    }

    /// <summary>A shortcut that changes the shape.</summary>
    private string Shortcut(int stage, int block, string input)
    {
        string path = $"{BlockPath(stage, block)}.downsample";
        int stride = config.Stride(stage, block);
        if (config.Layout.Shortcut is ShortcutKind.Padded)
        {
            return Add(new Conv2dNode
            {
                Name = path,
                Inputs = [input],
                Output = path,
                Weight = Selection($"{path}.weight", config.Planes(stage - 1), config.Planes(stage)),
                Window = SlidingWindow.Create(stride),
            });
        }
        int conv = config.Layout.ShortcutConv;
        if (conv > 0 && stride > 1)
        {
            input = Pool(
                $"{path}.0", input, PoolKind.Average, (stride, stride), SlidingWindow.Create(stride) with { CeilMode = true });
            stride = 1;
        }
        return Norm($"{path}.{conv + 1}", Conv($"{path}.{conv}", input, stride));
    }

    /// <summary>
    /// Filter that copies each channel, and puts channels of zeros before and after. It is exact, since all other products are zero.
    /// </summary>
    private static ArrayTensor Selection(string name, int inputs, int outputs)
    {
        float[] values = new float[outputs * inputs];
        int before = (outputs - inputs) / 2;
        for (int c = 0; c < inputs; c++) values[(before + c) * inputs + c] = 1;
        return new ArrayTensor { Name = name, Shape = [outputs, inputs, 1, 1], DataType = DataType.Float32, Values = values };
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

    private string Pool(string path, string input, PoolKind kind, (int R, int S)? kernel, SlidingWindow window) =>
        Add(new Pool2dNode { Name = path, Inputs = [input], Output = path, Kind = kind, Kernel = kernel, Window = window });

    /// <summary>A norm outside the head.</summary>
    private string Norm(string path, string input)
    {
        if (config.Layout.NormGroups is not { } groups) return BatchNorm(path, input, path);
        StateTensor weight = weights[$"{path}.weight"];
        int channels = weight.Shape[0];
        return Add(new GroupNormNode
        {
            Name = path,
            Inputs = [input],
            Output = path,
            Groups = channels % groups == 0 ? groups : channels,
            Epsilon = config.BatchNormEpsilon,
            Weight = weight,
            Bias = weights[$"{path}.bias"],
        });
    }

    /// <summary>Multiplies each channel by a gate that follows from the means of all (timm, <c>SEModule</c>).</summary>
    private string Gated(string path, string input)
    {
        string x = Pool($"{path}.pool", input, PoolKind.Average, null, new SlidingWindow());
        x = Relu($"{path}.bn", Gate($"{path}.fc1", x));
        var sigmoid = new ActivationFunction(ActivationKind.Sigmoid);
        string gate = Add(new ActivationNode
        {
            Name = $"{path}.gate",
            Inputs = [Gate($"{path}.fc2", x)],
            Output = $"{path}.gate",
            Function = sigmoid,
        });
        return Add(new CombineNode { Name = path, Inputs = [input, gate], Output = path, Kind = CombineKind.Multiply });
    }

    private string Gate(string path, string input) => Add(new LinearNode
    {
        Name = path,
        Inputs = [input],
        Output = path,
        Weight = ReshapedTensor.AsMatrix(weights[$"{path}.weight"]),
        Bias = weights[$"{path}.bias"],
    });

    private string BatchNorm(string path, string input, string output) => Add(new BatchNormNode
    {
        Name = path,
        Inputs = [input],
        Output = output,
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
