using System.Collections.Immutable;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Devices;

/// <summary>
/// Finds the <see cref="DeviceProfile"/>, from which kernels are chosen, of a device of this machine (<see cref="Of"/>) or of one that is
/// not here (<see cref="Known"/>).
/// </summary>
internal static class DeviceProfiles
{
    private const double Giga = 1e9, Mega = 1e6;
    private const int BitsPerByte = 8;

    /// <summary>Transfers per clock of a memory's data lines, as drivers give their clock.</summary>
    private const int TransfersPerClock = 2;

    private const int Mebi = 1 << 20;

    /// <summary>
    /// Devices by their makers' data sheets and architecture white papers: NVIDIA V100, T4 (Turing), A100 (GA100), RTX 3060 (the family of
    /// the GA102 white paper), RTX 4090 (Ada), H100 SXM5; AMD RDNA 3 (64 lanes: its second instruction per clock is left out, as compilers
    /// seldom pair instructions); Intel Xe HPG.
    /// </summary>
    public static ImmutableArray<DeviceProfile> Known { get; } =
    [
        new("T4", 40, 1.590, 64, 320, 4 * Mebi, MultiprocessorLimits.OfCuda(75)),
        new("V100", 80, 1.530, 64, 900, 6 * Mebi, MultiprocessorLimits.OfCuda(70)),
        new("A100", 108, 1.410, 64, 1555, 40 * Mebi, MultiprocessorLimits.OfCuda(80)),
        new("RTX 3060", 28, 1.777, 128, 360, 3 * Mebi, MultiprocessorLimits.OfCuda(86)),
        new("RTX 4090", 128, 2.520, 128, 1008, 72 * Mebi, MultiprocessorLimits.OfCuda(89)),
        new("H100", 132, 1.980, 128, 3350, 50 * Mebi, MultiprocessorLimits.OfCuda(90)),
        new("RX 7900 XTX", 96, 2.500, 64, 960, 96 * Mebi, new MultiprocessorLimits(1024, 32, 98304, 64 * 1024)),
        new("Arc A770", 32, 2.400, 128, 560, 16 * Mebi, new MultiprocessorLimits(2048, 32, 131072, 128 * 1024)),
    ];

    /// <summary>The listed device of a name, ignoring blanks and case; null when there is none.</summary>
    public static DeviceProfile? Find(string name) =>
        Known.FirstOrDefault(profile => Compact(profile.Name).Equals(Compact(name), StringComparison.OrdinalIgnoreCase));

    /// <summary>
    /// The profile of a device of this machine: its driver's numbers, and where the driver has none those of the listed device whose name
    /// the device's name contains, or else of a typical one.
    /// </summary>
    public static DeviceProfile Of(Device device)
    {
        string name = Compact(device.Name);
        DeviceProfile like =
            Known.FirstOrDefault(profile => name.Contains(Compact(profile.Name), StringComparison.OrdinalIgnoreCase))
            ?? (device is CudaDevice ? Find("A100")! : Find("Arc A770")!);
        DeviceProfile profile = like with { Name = device.Name, Multiprocessors = device.NumMultiprocessors };
        switch (device)
        {
            case CudaDevice { Architecture: { } architecture } cuda:
                int capability = 10 * architecture.Major + architecture.Minor;
                return profile with
                {
                    ClockGhz = cuda.ClockRate * Mega / Giga,
                    Lanes = LanesOfCuda(capability),
                    MemoryGbPerSecond = cuda.MemoryClockRate * Mega * TransfersPerClock * cuda.MemoryBusWidth / BitsPerByte / Giga,
                    CacheBytes = cuda.L2CacheSize,
                    Limits = MultiprocessorLimits.OfCuda(capability) with
                    {
                        Registers = cuda.TotalNumRegistersPerMultiprocessor,
                        SharedBytes = cuda.MaxSharedMemoryPerMultiprocessor,
                        Threads = cuda.MaxNumThreadsPerMultiprocessor,
                    },
                };
            case CLDevice { ClockRate: > 0 } cl:
                return profile with { ClockGhz = cl.ClockRate * Mega / Giga };
            default:
                return profile;
        }
    }

    private static int LanesOfCuda(int capability) => capability is 60 or >= 70 and <= 80 ? 64 : 128;

    private static string Compact(string name) => name.Replace(" ", "", StringComparison.Ordinal);
}
