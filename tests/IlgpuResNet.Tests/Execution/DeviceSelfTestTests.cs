using System.Text.Json;
using IlgpuResNet.Execution;
using IlgpuResNet.Kernels;
using IlgpuResNet.Models;

namespace IlgpuResNet.Tests;

/// <summary>The self-test of a device, on the processor, whose Winograd kernels it compares with the definition.</summary>
[TestClass]
public sealed class DeviceSelfTestTests
{
    private static readonly ResNetConfig Small = ResNetConfig.ResNet18 with
    {
        Depths = [1, 1],
        StemWidth = 16,
        BaseWidth = 16,
        NumClasses = 10,
    };

    /// <summary>Every operation of a plan has a line, and the file has all that a report of an error needs.</summary>
    [TestMethod]
    public void Processor_passes_and_its_file_says_so()
    {
        using ResNet model = ResNet.Create(Small, 1);
        DeviceSelfTest test = DeviceSelfTest.Run(model, ComputeDevice.Cpu, [1]);
        Assert.IsTrue(test.Passed, test.ToJson());
        foreach (string operation in (string[])["resize", "conv 7x7/2", "conv 3x3/1", "conv 3x3/2", "max pool 3x3/2", "linear", "softmax"])
            Assert.Contains(kernel => kernel.Operation == operation, test.Kernels, operation);
        Assert.Contains(kernel => kernel.Method.StartsWith("Winograd", StringComparison.Ordinal) && kernel.Error > 0, test.Kernels);

        using JsonDocument json = JsonDocument.Parse(test.ToJson());
        Assert.IsTrue(json.RootElement.GetProperty("passed").GetBoolean());
        Assert.AreEqual(test.Kernels.Length, json.RootElement.GetProperty("kernels").GetArrayLength());
        foreach (string name in (string[])["device", "device_name", "driver", "model", "library", "system", "runtime"])
            Assert.IsGreaterThan(0, json.RootElement.GetProperty(name).GetString()!.Length, name);
    }

    /// <summary>Operators that the test makes no operands for are left out, and the rest is tested.</summary>
    [TestMethod]
    public void Networks_with_gates_are_tested_but_for_their_gates()
    {
        ResNetConfig gated = Small with { Layout = new ResNetLayout { SqueezeWidths = [8, 8] } };
        using ResNet model = ResNet.Create(gated, 1);
        DeviceSelfTest test = DeviceSelfTest.Run(model, ComputeDevice.Cpu, [1]);
        Assert.IsTrue(test.Passed, test.ToJson());
        Assert.Contains(kernel => kernel.Operation == "conv 3x3/1", test.Kernels);
    }

    /// <summary>A preset whose crop is no square is resized as a session resizes it.</summary>
    [TestMethod]
    public void Presets_of_any_shape_are_tested()
    {
        var preset = new ImagePreset { ResizeSize = 40, CropSize = 32, CropWidth = 24 };
        using var folder = new WeightsFolder(inMemory: true);
        string path = folder.PathOf("small.safetensors");
        using (ResNet small = ResNet.Create(Small, 1)) small.Weights.Save(path);
        using Model model = Model.Load(path, preset: preset);
        DeviceSelfTest test = DeviceSelfTest.Run(model, ComputeDevice.Cpu, [1]);
        Assert.IsTrue(test.Passed, test.ToJson());
        Assert.Contains(kernel => kernel is { Operation: "resize", Shape: "333x251 -> 24x32" }, test.Kernels);
    }

    /// <summary>The control: one element that is off by little more than its tolerance, or not finite, fails.</summary>
    [TestMethod]
    [DataRow(1.5f, true)]
    [DataRow(1.5625f, false)]
    [DataRow(float.NaN, false)]
    [DataRow(float.PositiveInfinity, false)]
    public void One_wrong_element_fails(float third, bool passes)
    {
        KernelTest test = KernelTest.Compare("conv", "4", "", [1, 1, 1.5f, 1], [1, 1.03125f, third, 1], _ => 0.05);
        Assert.AreEqual(passes, test.Passed);
        if (!passes) StringAssert.StartsWith(test.Failure, "1 of 4 elements are wrong; element 2 is");
        else Assert.AreEqual(0.03125, test.Error);
    }

    [TestMethod]
    public void Zero_tolerance_wants_the_same_bits()
    {
        float next = MathF.BitIncrement(1);
        Assert.IsTrue(KernelTest.Compare("max pool", "2", "", [1, float.NaN], [1, float.NaN], _ => 0).Passed);
        Assert.IsFalse(KernelTest.Compare("max pool", "2", "", [1, 1], [1, next], _ => 0).Passed);
    }

    /// <summary>The growth of errors in Winograd's transforms, computed from their matrices.</summary>
    [TestMethod]
    public void Growth_of_winograds_errors_is_that_of_its_matrices()
    {
        Assert.AreEqual(StepTrial.GrowthF2, WinogradBound.Amplification(Conv2dAlgorithm.WinogradF2), 0.5);
        Assert.AreEqual(StepTrial.GrowthF4, WinogradBound.Amplification(Conv2dAlgorithm.WinogradF4), 0.5);
        Assert.AreEqual(StepTrial.GrowthStride2, WinogradBound.Amplification(Conv2dAlgorithm.WinogradStride2), 0.5);
    }
}
