using System.Collections.Immutable;

namespace IlgpuResNet.Execution;

/// <summary>
/// The places to which a run writes its outputs: a span for each of the first two, or a memory for each output. An empty one is left out.
/// </summary>
internal readonly ref struct RunDestinations
{
    private readonly Span<float> first;
    private readonly Span<float> second;
    private readonly ReadOnlySpan<Memory<float>> memories;

    /// <summary>Destinations of the first two outputs: a classifier's logits and probabilities.</summary>
    public RunDestinations(Span<float> first, Span<float> second = default)
    {
        this.first = first;
        this.second = second;
    }

    /// <summary>A destination for each output, in order.</summary>
    public RunDestinations(ReadOnlySpan<Memory<float>> memories) => this.memories = memories;

    /// <summary>True when there is a memory for each output.</summary>
    public bool AreMemories => !memories.IsEmpty;

    /// <summary>The destination of one output; empty when the caller does not want it.</summary>
    public Span<float> this[int output] => memories.IsEmpty ? output switch { 0 => first, 1 => second, _ => [] } : memories[output].Span;

    /// <summary>Checks their number and lengths against a session's outputs.</summary>
    /// <exception cref="GraphException">They do not fit, or all are empty.</exception>
    public void Check(ImmutableArray<BoundOutput> outputs, int batch)
    {
        if (AreMemories && memories.Length != outputs.Length)
            throw new GraphException($"This session gives {outputs.Length} outputs, but {memories.Length} destinations were given.");
        bool any = false;
        for (int i = 0; i < outputs.Length; i++)
        {
            int given = this[i].Length, wanted = batch * outputs[i].View.Count;
            if (given == 0) continue;
            any = true;
            if (given != wanted)
                throw new GraphException($"The {outputs[i].View.Name} of {batch} images are {wanted} floats, but the span has {given}.");
        }
        if (!any)
            throw new GraphException("A run has nowhere to write its result; give a span for the logits or for the probabilities.");
    }
}
