using System.Collections.Immutable;
using IlgpuResNet.Graphs;

namespace IlgpuResNet.Planning;

/// <summary>The steps that write each tensor of a graph and read it last, and the places of the tensors in an arena. Pure.</summary>
internal sealed class TensorUses
{
    /// <summary>The number of the step that writes the input: before all steps.</summary>
    private const int BeforeSteps = -1;

    private readonly IReadOnlyDictionary<string, MapShape> shapes;

    // A view shares the memory of the tensor that it views, so lifetimes belong to memory, not to names.
    private readonly Dictionary<string, string> memoryOf;
    private readonly Dictionary<string, int> written;
    private readonly Dictionary<string, int> lastUse = [];
    private long[]? waiting;

    public TensorUses(Graph graph, IReadOnlyDictionary<string, MapShape> shapes)
    {
        Input = graph.Input;
        this.shapes = shapes;
        Outputs = graph.Outputs;
        Nodes = [.. graph.Nodes.Where(node => node is not ViewNode)];
        memoryOf = new Dictionary<string, string> { [Input] = Input };
        foreach (Node node in graph.Nodes) memoryOf.Add(node.Output, node is ViewNode ? memoryOf[node.Inputs[0]] : node.Output);
        written = new Dictionary<string, int> { [Input] = BeforeSteps };
        for (int i = 0; i < Nodes.Length; i++)
        {
            written.Add(Nodes[i].Output, i);
            foreach (string read in Nodes[i].Inputs) lastUse[memoryOf[read]] = i;
        }
        foreach (string output in graph.Outputs) lastUse[memoryOf[output]] = Nodes.Length;
    }

    /// <summary>The node of each step, in order.</summary>
    public ImmutableArray<Node> Nodes { get; }

    /// <summary>The input of the graph.</summary>
    public string Input { get; }

    /// <summary>Tensors that must outlive the last step.</summary>
    public ImmutableArray<string> Outputs { get; }

    /// <summary>The tensor that a node adds, or null.</summary>
    public static string? ResidualOf(Node node) => node is EpilogueNode { Epilogue.HasResidual: true } ? node.Inputs[^1] : null;

    /// <summary>The tensor besides the first that a node multiplies, divides by or joins, or null.</summary>
    public static string? SecondOf(Node node) => node is CombineNode or SelectNode && node.Inputs.Length > 1 ? node.Inputs[1] : null;

    /// <summary>True when a tensor is written before a step.</summary>
    public bool IsWrittenBefore(string tensor, int step) => written[memoryOf[tensor]] < step;

    /// <summary>True when a step or a later one reads a tensor, or when it is an output.</summary>
    public bool IsReadFrom(string tensor, int step) => LastUse(memoryOf[tensor]) >= step;

    /// <summary>The steps that read what a step writes.</summary>
    public int[] ReadersOf(int step) =>
        [.. Enumerable.Range(step + 1, Nodes.Length - step - 1).Where(reader => Reads(reader, Nodes[step].Output))];

    /// <summary>
    /// Floats per image in tensors that were written before a step, that the step does not read, and that a later step reads.
    /// </summary>
    public long Waiting(int step)
    {
        waiting ??= [.. Enumerable.Range(0, Nodes.Length).Select(CountWaiting)];
        return waiting[step];
    }

    /// <summary>
    /// Places every tensor. A tensor that is written and read within one segment has room for the images that are walked at a time. A
    /// tensor that enters or leaves a segment has room for the whole batch, and is alive in all steps of the segment, because they run
    /// again for later images.
    /// </summary>
    /// <param name="segments">Segments of all steps, in order.</param>
    /// <param name="maxBatch">The largest batch.</param>
    public (Func<string, TensorSlot> SlotOf, List<Lifetime> Blocks, MemoryPlan Memory) Place(
        ImmutableArray<PlanSegment> segments, int maxBatch)
    {
        // A tensor that is written over its residual takes over the residual's block.
        var blockOf = new Dictionary<string, int> { [Input] = 0 };
        var imagesOf = new Dictionary<string, int> { [Input] = maxBatch };
        var blocks = new List<Lifetime> { LifeOf(Input, maxBatch) };
        foreach (PlanSegment segment in segments)
        {
            for (int i = segment.First; i < segment.End; i++)
            {
                string output = Nodes[i].Output;
                int images = imagesOf[output] = IsReadFrom(output, segment.End) ? maxBatch : segment.Images;
                Lifetime life = LifeOf(output, images);
                if (ResidualOf(Nodes[i]) is { } summand && memoryOf[summand] is var residual && lastUse[residual] == i
                    && Nodes[i].Inputs.Count(read => memoryOf[read] == residual) == 1 && imagesOf[residual] == images)
                {
                    int block = blockOf[residual];
                    blocks[block] = blocks[block] with { First = Math.Min(blocks[block].First, life.First), Last = life.Last };
                    blockOf[output] = block;
                }
                else
                {
                    blockOf[output] = blocks.Count;
                    blocks.Add(life);
                }
            }
        }

        MemoryPlan memory = MemoryPlanner.Plan(blocks);
        return (SlotOf, blocks, memory);

        TensorSlot SlotOf(string tensor) =>
            new(shapes[tensor], memory.Offsets[blockOf[memoryOf[tensor]]], imagesOf[memoryOf[tensor]]);

        Lifetime LifeOf(string tensor, int images)
        {
            int first = written[tensor], last = LastUse(tensor);
            if (images == maxBatch)
            {
                foreach (PlanSegment segment in segments)
                {
                    if (segment.Images == maxBatch) continue;
                    if (first >= segment.First && first < segment.End) first = segment.First;
                    if (last >= segment.First && last < segment.End) last = segment.End - 1;
                }
            }
            return new Lifetime(shapes[tensor].Count * images, first, last);
        }
    }

    private long CountWaiting(int step) => written
        .Where(tensor => tensor.Value < step && LastUse(tensor.Key) is var last && last > step && last < Nodes.Length
            && !Reads(step, tensor.Key))
        .Sum(tensor => shapes[tensor.Key].Count);

    private bool Reads(int step, string memory) => Nodes[step].Inputs.Any(tensor => memoryOf[tensor] == memory);

    private int LastUse(string memory) => lastUse.GetValueOrDefault(memory, written[memory]);
}
