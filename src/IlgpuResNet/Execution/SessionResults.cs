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
}
