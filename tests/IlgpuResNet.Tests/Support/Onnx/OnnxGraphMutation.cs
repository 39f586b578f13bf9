using System.Collections.Immutable;
using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>Changes of a graph that stays a sound file: other operators, other wires, other numbers.</summary>
/// <param name="random">Decides.</param>
/// <param name="number">Makes a number for an attribute.</param>
internal sealed class OnnxGraphMutation(Random random, Func<Random, long> number)
{
    private static readonly long[] Opsets = [1, 6, 7, 9, 11, 13, 18, 20, 25];

    /// <summary>One change.</summary>
    /// <param name="model">The model.</param>
    /// <param name="donor">Another one, to take nodes of.</param>
    public OnnxModelToWrite Mutate(OnnxModelToWrite model, OnnxModelToWrite donor)
    {
        ImmutableArray<OnnxNode> nodes = model.Nodes;
        int place = random.Next(nodes.Length);
        OnnxNode node = nodes[place];
        switch (random.Next(10))
        {
            case 0:
                return model with { Nodes = nodes.RemoveAt(place) };
            case 1:
                return model with { Nodes = nodes.RemoveAt(place).Insert(random.Next(nodes.Length), node) };
            case 2:
                return model with { Nodes = nodes.Insert(random.Next(nodes.Length + 1), Pick(donor.Nodes)) };
            case 3:
                return model with { Nodes = nodes.SetItem(place, node with { OpType = Pick(donor.Nodes).OpType }) };
            case 4 when !node.Inputs.IsEmpty:
                return model with
                {
                    Nodes =
                    nodes.SetItem(place, node with { Inputs = node.Inputs.SetItem(random.Next(node.Inputs.Length), Value(model)) })
                };
            case 5:
                return model with
                {
                    Nodes =
                    nodes.SetItem(place, node with { Inputs = node.Inputs.Insert(random.Next(node.Inputs.Length + 1), Value(model)) })
                };
            case 6:
                return model
                    with
                { Outputs = [new OnnxValue(Value(model), OnnxElementType.Float, null), .. model.Outputs.Skip(random.Next(2))] };
            case 7:
                return model with { Opset = Opsets[random.Next(Opsets.Length)] };
            case 8 when Pick(donor.Nodes).Attributes.Values.FirstOrDefault() is { } other:
                return model with { Nodes = nodes.SetItem(place, node with { Attributes = node.Attributes.SetItem(other.Name, other) }) };
            default:
                return node.Attributes.IsEmpty ? model
                    : model with { Nodes = nodes.SetItem(place, node with { Attributes = Changed(node.Attributes) }) };
        }
    }

    private ImmutableDictionary<string, OnnxAttribute> Changed(ImmutableDictionary<string, OnnxAttribute> attributes)
    {
        OnnxAttribute attribute = Pick([.. attributes.Values.OrderBy(attribute => attribute.Name, StringComparer.Ordinal)]);
        if (random.Next(4) == 0) return attributes.Remove(attribute.Name);
        return attributes.SetItem(attribute.Name, attribute with
        {
            I = attribute.Type is OnnxAttributeType.Int ? number(random) : attribute.I,
            F = attribute.Type is OnnxAttributeType.Float ? number(random) : attribute.F,
            Ints = attribute.Ints.IsEmpty ? [] : random.Next(4) == 0 ? attribute.Ints.RemoveAt(0)
                : attribute.Ints.SetItem(random.Next(attribute.Ints.Length), number(random)),
        });
    }

    /// <summary>A name that something has, or none.</summary>
    private string Value(OnnxModelToWrite model) => random.Next(8) switch
    {
        0 => "",
        1 => "input",
        2 when !model.Initializers.IsEmpty => Pick(model.Initializers).Name,
        _ => Pick(model.Nodes).Outputs[0],
    };

    private T Pick<T>(ImmutableArray<T> items) => items[random.Next(items.Length)];
}
