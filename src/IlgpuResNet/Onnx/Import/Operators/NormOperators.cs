using System.Collections.Immutable;
using IlgpuResNet.Files;
using IlgpuResNet.Graphs;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Onnx;

/// <summary>Normalisations by the statistics of each image.</summary>
internal static class NormOperators
{
    private const int FirstScalePerChannel = 21;

    /// <summary>The handlers by the operators' names.</summary>
    public static Dictionary<string, OnnxHandler> Handlers { get; } = new()
    {
        ["GroupNormalization"] = GroupNormalization,
        ["InstanceNormalization"] = InstanceNormalization,
    };

    /// <summary>Normalises each index of dimension 1 over all others of an image.</summary>
    private static Activation? InstanceNormalization(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        Activation input = op.Activation(0);
        if (input.Rank < 3) throw op.Fail($"its input has {input.Rank} dimensions, but [N, C, ...] was expected");
        int groups = input.Size(1);
        if (!input.HasBatch && input.Dims[0] is not [])
            return op.Misfits("it works on several images, but an operator elsewhere mixes images");
        // As PyTorch writes a group norm: the channels of a group are a part of the last dimension, and lie inside it.
        int inner = input.SuffixLength(input.Dims[1]) / groups;
        ImmutableArray<Axis> suffix = input.Dims[1] is [] ? [] : input.ImageMemory[input.ImageMemory.IndexOf(input.Dims[1][0])..];
        if (!suffix.Take(input.Dims[1].Length).SequenceEqual(input.Dims[1]))
            return op.Misfits("what it normalises separately does not lie together in memory");
        if (input.Dims[1] is []) inner = input.Shape.C;
        return Normalised(op, builder, budget, input, groups, groups * inner, inner);
    }

    /// <summary>Normalises groups of neighbouring channels.</summary>
    private static Activation? GroupNormalization(OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget)
    {
        Activation input = op.Activation(0);
        if (input.Rank is not (3 or 4)) throw op.Fail($"its input has {input.Rank} dimensions, but [N, C, H, W] was expected");
        if (builder.AsMap(op, input) is not { } map) return null;
        long groups = op.Int("num_groups", 0);
        int channels = map.Shape.C;
        if (groups < 1 || channels % groups != 0) throw op.Fail($"its {channels} channels do not divide into {groups} groups");
        int repeat = op.Opset >= FirstScalePerChannel ? 1 : channels / (int)groups;
        Activation? result = Normalised(op, builder, budget, map, (int)groups, channels, repeat);
        return result is null ? null : result with { Dims = input.Dims };
    }

    /// <param name="op">The node.</param>
    /// <param name="builder">Takes the graph's node.</param>
    /// <param name="budget">Charged with scale and bias.</param>
    /// <param name="input">The value.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="channels">Channels of all groups: the innermost elements.</param>
    /// <param name="repeat">Channels that share one value of scale and bias.</param>
    private static Activation Normalised(
        OnnxOperator op, OnnxGraphBuilder builder, ReadBudget budget, Activation input, int groups, int channels, int repeat)
    {
        StateTensor weight = Repeated(1, "scale"), bias = Repeated(2, "bias");
        Activation rows = builder.AsRows(input, channels);
        return builder.EmitElementwise(rows, op.Output, tensor => new GroupNormNode
        {
            Name = op.Name,
            Inputs = [rows.Tensor],
            Output = tensor,
            Groups = groups,
            Epsilon = op.Float("epsilon", 1e-5f),
            Weight = weight,
            Bias = bias,
        });

        StateTensor Repeated(int index, string what)
        {
            StateTensor tensor = op.Weight(index, $"its {what}", 1);
            if (tensor.Count * repeat != channels)
                throw op.Fail($"its {what} is {FileText.Shape(tensor.Shape)}, but {channels / repeat} numbers were expected");
            budget.Charge(channels * OnnxGraphBuilder.BytesPerChannel);
            return repeat == 1 ? tensor
                : OnnxConstants.Gathered(tensor.Stored(budget), tensor.Name, [channels], [(channels / repeat, 1), (repeat, 0)]);
        }
    }
}
