namespace IlgpuResNet.Kernels;

/// <summary>
/// A kernel family that walks the steps of a sequence in one launch and can note when each ends, for measurements: no marker can be put
/// between them.
/// </summary>
internal interface IStepTimestamps
{
    /// <summary>
    /// Receives the <see cref="System.Diagnostics.Stopwatch"/> timestamp at the start of each step of a sequence and at the end of the
    /// last; null, the default, to note nothing.
    /// </summary>
    long[]? Timestamps { get; set; }
}
