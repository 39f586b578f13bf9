using ILGPU.Runtime.CPU;
using IlgpuResNet.Devices;
using IlgpuResNet.Kernels.Tiled;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class DeviceProfileTests
{
    /// <summary>Float32 TFLOP/s of the makers' data sheets; AMD's is halved, as its second instruction per clock is not counted.</summary>
    [TestMethod]
    [DataRow("T4", 8.1)]
    [DataRow("V100", 15.7)]
    [DataRow("A100", 19.5)]
    [DataRow("RTX 3060", 12.7)]
    [DataRow("RTX 4090", 82.6)]
    [DataRow("H100", 66.9)]
    [DataRow("RX 7900 XTX", 61.4 / 2)]
    [DataRow("Arc A770", 19.66)]
    public void Peaks_are_those_of_the_data_sheets(string name, double teraflops) =>
        Assert.AreEqual(teraflops, DeviceProfiles.Find(name)!.PeakFlops / 1e12, 0.006 * teraflops);

    [TestMethod]
    public void Names_are_found_whatever_their_blanks_and_case()
    {
        Assert.AreEqual("RTX 4090", DeviceProfiles.Find("rtx4090")!.Name);
        Assert.IsNull(DeviceProfiles.Find("RTX 4091"));
    }

    [TestMethod]
    public void A_device_of_this_machine_has_its_own_multiprocessors()
    {
        var device = new CPUDevice(2, 1, 3);
        DeviceProfile profile = DeviceProfiles.Of(device);
        Assert.AreEqual(3, profile.Multiprocessors);
        Assert.AreEqual(device.Name, profile.Name);
    }

    /// <summary>Worked out by the rules of the CUDA toolkit's occupancy calculator.</summary>
    [TestMethod]
    [DataRow(80, 256, 128, 16 * 1024, 2, "by registers: four warps a partition")]
    [DataRow(80, 256, 129, 0, 1, "by registers: their unit makes 136 of 129, three warps a partition")]
    [DataRow(75, 256, 32, 0, 4, "by threads")]
    [DataRow(86, 1024, 32, 0, 1, "by threads: two do not fit 1536")]
    [DataRow(86, 64, 16, 0, 16, "by groups")]
    [DataRow(89, 64, 16, 0, 24, "by groups")]
    [DataRow(90, 32, 16, 0, 32, "by groups")]
    [DataRow(86, 128, 32, 48 * 1024, 2, "by shared memory, of which the system takes 1 KiB for each")]
    [DataRow(75, 128, 32, 32 * 1024, 2, "by shared memory")]
    [DataRow(80, 512, 255, 0, 0, "a group needs more registers than there are")]
    public void Groups_fill_what_runs_out_first(int capability, int threads, int registers, int sharedBytes, int expected, string why) =>
        Assert.AreEqual(expected, MultiprocessorLimits.OfCuda(capability).BlocksOf(threads, registers, sharedBytes), why);
}
