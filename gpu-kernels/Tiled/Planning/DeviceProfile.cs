namespace IlgpuResNet.Kernels.Tiled;

/// <summary>The numbers of a GPU that <see cref="TiledCostModel"/> needs.</summary>
/// <param name="Name">Name of the product.</param>
/// <param name="Multiprocessors">Streaming multiprocessors, compute units or Xe cores.</param>
/// <param name="ClockGhz">Boost clock.</param>
/// <param name="Lanes">Float32 multiply-adds that a multiprocessor starts per clock.</param>
/// <param name="MemoryGbPerSecond">Peak bandwidth of the device's memory, in 10^9 bytes per second.</param>
/// <param name="CacheBytes">Size of the last cache before that memory.</param>
/// <param name="Limits">What a multiprocessor holds at a time.</param>
internal sealed record DeviceProfile(
    string Name, int Multiprocessors, double ClockGhz, int Lanes, double MemoryGbPerSecond, long CacheBytes, MultiprocessorLimits Limits)
{
    private const double Giga = 1e9;

    /// <summary>Float32 operations per second at the boost clock; a multiply-add counts as two.</summary>
    public double PeakFlops => 2 * (double)Lanes * Multiprocessors * ClockGhz * Giga;

    /// <summary>Peak bandwidth of the device's memory, in bytes per second.</summary>
    public double MemoryBytesPerSecond => MemoryGbPerSecond * Giga;

    /// <summary>Cycles per second.</summary>
    public double ClockHz => ClockGhz * Giga;
}
