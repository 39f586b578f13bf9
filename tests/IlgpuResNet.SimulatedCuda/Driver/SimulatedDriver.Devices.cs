using System.Runtime.InteropServices;
using System.Text;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>The driver and its devices, as they describe themselves.</summary>
internal sealed unsafe partial class SimulatedDriver
{
    /// <summary>CUDA 12.2: 1000 x major + 10 x minor.</summary>
    private const int Version = 12_020;

    private const int WarpSize = 32;
    private const int RegistersPerMultiprocessor = 65_536;
    private const int ConstantBytes = 65_536;

    private static readonly Dictionary<CudaResult, nint> ErrorTexts = [];

    private enum DeviceAttribute
    {
        MaxThreadsPerBlock = 1,
        MaxBlockX = 2,
        MaxBlockY = 3,
        MaxBlockZ = 4,
        MaxGridX = 5,
        MaxGridY = 6,
        MaxGridZ = 7,
        MaxSharedMemoryPerBlock = 8,
        TotalConstantMemory = 9,
        WarpSize = 10,
        MaxPitch = 11,
        MaxRegistersPerBlock = 12,
        ClockRate = 13,
        MultiprocessorCount = 16,
        CanMapHostMemory = 19,
        EccEnabled = 32,
        PciBusId = 33,
        PciDeviceId = 34,
        TccDriver = 35,
        MemoryClockRate = 36,
        MemoryBusWidth = 37,
        L2CacheSize = 38,
        MaxThreadsPerMultiprocessor = 39,
        AsyncEngineCount = 40,
        UnifiedAddressing = 41,
        PciDomainId = 50,
        CapabilityMajor = 75,
        CapabilityMinor = 76,
        MaxSharedMemoryPerMultiprocessor = 81,
        MaxRegistersPerMultiprocessor = 82,
        ManagedMemory = 83,
        ComputePreemptionSupported = 90,
        CanUseHostPointerForRegisteredMemory = 91,
    }

    public CudaResult cuInit(int flags) => Call(Needs.Nothing, () =>
    {
        isInitialized = true;
        return CudaResult.Success;
    });

    public CudaResult cuDriverGetVersion(int* version) => Call(Needs.Nothing, () => Answer(version, Version));

    public CudaResult cuGetErrorString(int error, nint* text) => Call(Needs.Nothing, () =>
    {
        var result = (CudaResult)error;
        if (!ErrorTexts.TryGetValue(result, out *text)) ErrorTexts[result] = *text = Marshal.StringToCoTaskMemUTF8($"simulated {result}");
        return CudaResult.Success;
    });

    public CudaResult cuDeviceGetCount(int* count) => Call(Needs.Initialization, () => Answer(count, settings.Devices.Length));

    public CudaResult cuDeviceGet(int* device, int ordinal) => Call(
        Needs.Initialization, () => ordinal < settings.Devices.Length ? Answer(device, ordinal) : CudaResult.InvalidDevice);

    public CudaResult cuDeviceGetName(byte* name, int length, int device) => Call(Needs.Initialization, () =>
    {
        WriteText(settings.Devices[device].Name, name, length);
        return CudaResult.Success;
    });

    public CudaResult cuDeviceTotalMem_v2(nint* bytes, int device) => Call(Needs.Initialization, () =>
    {
        *bytes = (nint)settings.Devices[device].MemoryBytes;
        return CudaResult.Success;
    });

    public CudaResult cuDeviceGetAttribute(int* value, int attribute, int device) => Call(Needs.Initialization, () =>
    {
        if (Attribute((DeviceAttribute)attribute, device) is { } known) return Answer(value, known);
        Report(FindingKind.Unsupported, $"device attribute {attribute} is not known here");
        return CudaResult.InvalidValue;
    });

    public CudaResult cuDeviceCanAccessPeer(int* can, int device, int peer) => Call(Needs.Initialization, () => Answer(can, 0));

    public CudaResult cuDeviceGetP2PAttribute(int* value, int attribute, int source, int target) =>
        Call(Needs.Initialization, () => Answer(value, 0));

    private int? Attribute(DeviceAttribute attribute, int device)
    {
        DeviceModel model = settings.Devices[device];
        return attribute switch
        {
            DeviceAttribute.MaxThreadsPerBlock => MostThreadsPerBlock,
            DeviceAttribute.MaxBlockX or DeviceAttribute.MaxBlockY => MostThreadsPerBlock,
            DeviceAttribute.MaxBlockZ => MostBlockZ,
            DeviceAttribute.MaxGridX or DeviceAttribute.MaxPitch => int.MaxValue,
            DeviceAttribute.MaxGridY or DeviceAttribute.MaxGridZ => MostGridYz,
            DeviceAttribute.MaxSharedMemoryPerBlock => MostSharedBytesPerBlock,
            DeviceAttribute.TotalConstantMemory => ConstantBytes,
            DeviceAttribute.WarpSize => WarpSize,
            DeviceAttribute.MaxRegistersPerBlock or DeviceAttribute.MaxRegistersPerMultiprocessor => RegistersPerMultiprocessor,
            DeviceAttribute.ClockRate => model.ClockKhz,
            DeviceAttribute.MultiprocessorCount => model.Multiprocessors,
            DeviceAttribute.CanMapHostMemory or DeviceAttribute.EccEnabled or DeviceAttribute.UnifiedAddressing => 1,
            // Devices are told apart by their PCI numbers.
            DeviceAttribute.PciBusId => 1 + device,
            DeviceAttribute.PciDeviceId or DeviceAttribute.PciDomainId or DeviceAttribute.TccDriver => 0,
            DeviceAttribute.MemoryClockRate => model.MemoryClockKhz,
            DeviceAttribute.MemoryBusWidth => model.BusBits,
            DeviceAttribute.L2CacheSize => model.CacheBytes,
            DeviceAttribute.MaxThreadsPerMultiprocessor => model.ThreadsPerMultiprocessor,
            DeviceAttribute.AsyncEngineCount => 3,
            DeviceAttribute.CapabilityMajor => model.Capability / 10,
            DeviceAttribute.CapabilityMinor => model.Capability % 10,
            DeviceAttribute.MaxSharedMemoryPerMultiprocessor => model.SharedBytesPerMultiprocessor,
            DeviceAttribute.ManagedMemory or DeviceAttribute.ComputePreemptionSupported => 1,
            DeviceAttribute.CanUseHostPointerForRegisteredMemory => 1,
            _ => null,
        };
    }

    /// <summary>Writes text with its final zero into a buffer, cut off where it does not fit.</summary>
    private static void WriteText(string text, byte* buffer, int length)
    {
        if (length <= 0) return;
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        int copied = Math.Min(bytes.Length, length - 1);
        bytes.AsSpan(0, copied).CopyTo(new Span<byte>(buffer, length));
        buffer[copied] = 0;
    }
}
