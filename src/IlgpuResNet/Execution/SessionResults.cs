using System.Collections.Immutable;

namespace IlgpuResNet.Execution;

/// <summary>Where a run leaves its results: the two spans of a classifier, or a memory for each output.</summary>
internal readonly ref struct SessionResults
{
    private const int LogitsOutput = 0;
    private const int ProbabilitiesOutput = 1;

    public Span<float> Logits { get; init; }

    public Span<float> Probabilities { get; init; }

    public ReadOnlySpan<Memory<float>> Outputs { get; init; }

    /// <summary>The place for one output; empty when nobody wants it.</summary>
    public Span<float> Destination(int output) => Outputs.IsEmpty
        ? output switch { LogitsOutput => Logits, ProbabilitiesOutput => Probabilities, _ => [] }
        : Outputs[output].Span;

    /// <summary>Fails unless they fit what a session gives, and take something of it.</summary>
    /// <exception cref="GraphException">They do not.</exception>
    public void Check(ImmutableArray<BoundOutput> outputs, int batch)
    {
        if (!Outputs.IsEmpty && Outputs.Length != outputs.Length)
            throw new GraphException($"This session gives {outputs.Length} outputs, but a place for {Outputs.Length} was given.");
        bool any = false;
        for (int i = 0; i < outputs.Length; i++)
        {
            Span<float> destination = Destination(i);
            any |= !destination.IsEmpty;
            if (!destination.IsEmpty && destination.Length != batch * outputs[i].View.Count)
                throw new GraphException($"The {outputs[i].View.Name} of {batch} images are {batch * outputs[i].View.Count} floats, but the span has {destination.Length}.");
        }
        if (!any) throw new GraphException("A run has nowhere to leave its result; give a span for the logits or for the probabilities.");
    }
}
