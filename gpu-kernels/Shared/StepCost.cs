namespace IlgpuResNet.Kernels;

/// <summary>Modelled cost of one step on a device.</summary>
/// <param name="Launches">Kernels that are launched.</param>
/// <param name="Blocks">Groups of threads of the matrix product; 0 for a step without one.</param>
/// <param name="Waves">The groups as a multiple of the number that runs at a time.</param>
/// <param name="Bytes">
/// Least number of bytes that leave or reach a multiprocessor: operands, results and intermediate results, once each.
/// </param>
/// <param name="Seconds">Modelled time.</param>
/// <param name="FloorSeconds">
/// Least time of the algorithm: its multiply-adds at the device's peak, or its operands and results at the peak of the memory or cache that
/// holds them.
/// </param>
internal readonly record struct StepCost(int Launches, long Blocks, double Waves, long Bytes, double Seconds, double FloorSeconds)
{
    /// <summary>Sum of <paramref name="times"/> times this cost and another; groups and waves remain those of one launch of this.</summary>
    public StepCost Then(int times, StepCost others) => this with
    {
        Launches = times * Launches + others.Launches,
        Bytes = times * Bytes + others.Bytes,
        Seconds = times * Seconds + others.Seconds,
        FloorSeconds = times * FloorSeconds + others.FloorSeconds,
    };
}
