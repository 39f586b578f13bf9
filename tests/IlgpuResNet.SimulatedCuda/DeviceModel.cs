using System.Collections.Immutable;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// A GPU as its driver describes it. The figures are those of the makers' data sheets; a test compares them with the product's own table,
/// which was typed in separately.
/// </summary>
/// <param name="Key">Short name, such as <c>A100</c>.</param>
/// <param name="Name">The driver's name.</param>
/// <param name="Capability">Compute capability: 10 x major + minor.</param>
/// <param name="Multiprocessors">Number of streaming multiprocessors.</param>
/// <param name="ClockKhz">Boost clock.</param>
/// <param name="MemoryClockKhz">Clock of the memory, which transfers twice per cycle.</param>
/// <param name="BusBits">Width of the memory bus.</param>
/// <param name="CacheBytes">Size of the L2 cache.</param>
/// <param name="MemoryBytes">Size of the device memory.</param>
/// <param name="ThreadsPerMultiprocessor">Most resident threads of a multiprocessor.</param>
/// <param name="SharedBytesPerMultiprocessor">Shared memory of a multiprocessor.</param>
internal sealed record DeviceModel(
    string Key, string Name, int Capability, int Multiprocessors, int ClockKhz, int MemoryClockKhz, int BusBits,
    int CacheBytes, long MemoryBytes,
    int ThreadsPerMultiprocessor, int SharedBytesPerMultiprocessor)
{
    private const int Mebi = 1 << 20;
    private const long Gibi = 1L << 30;

    public static DeviceModel T4 { get; } = new(
        "T4", "Tesla T4", 75, 40, 1_590_000, 5_001_000, 256, 4 * Mebi, 15 * Gibi, 1024, 65_536);

    public static DeviceModel A100 { get; } = new(
        "A100", "NVIDIA A100-SXM4-40GB", 80, 108, 1_410_000, 1_215_000, 5120, 40 * Mebi, 40 * Gibi, 2048, 167_936);

    public static DeviceModel Rtx4090 { get; } = new(
        "RTX4090", "NVIDIA GeForce RTX 4090", 89, 128, 2_520_000, 10_501_000, 384, 72 * Mebi, 24 * Gibi, 1536, 102_400);

    public static DeviceModel H100 { get; } = new(
        "H100", "NVIDIA H100 80GB HBM3", 90, 132, 1_980_000, 2_619_000, 5120, 50 * Mebi, 80 * Gibi, 2048, 233_472);

    public static ImmutableArray<DeviceModel> All { get; } = [T4, A100, Rtx4090, H100];

    /// <summary>The model of a key, in any case.</summary>
    public static DeviceModel Find(string key) =>
        All.FirstOrDefault(model => model.Key.Equals(key, StringComparison.OrdinalIgnoreCase))
        ?? throw new FormatException($"There is no device model '{key}'; name one of {string.Join(", ", All.Select(model => model.Key))}.");
}
