using System.Collections.Immutable;

namespace IlgpuResNet.Bench;

/// <summary>A published throughput of ResNet-50 v1.5 in float32 that NVIDIA measured.</summary>
/// <param name="Device">The device, named as its device profile.</param>
/// <param name="Batch">Images of a run.</param>
/// <param name="ImagesPerSecond">The measured throughput.</param>
/// <param name="Engine">The framework that ran the network.</param>
internal sealed record PublishedFigure(string Device, int Batch, double ImagesPerSecond, string Engine)
{
    private const string TensorFlow = "TensorFlow 20.06, cuDNN", PyTorch = "PyTorch 21.03, cuDNN";

    /// <summary>
    /// From github.com/NVIDIA/DeepLearningExamples, "Inference performance", FP32 tables:
    /// TensorFlow/Classification/ConvNets/resnet50v1.5/README.md at 1d4211f and PyTorch/Classification/ConvNets/resnet50v1.5/README.md
    /// at 291f0d0; V100 16 GB in a DGX-1. These pages have no float32 figure of A100, only TF32, which multiplies with 10 bits on other
    /// units; no other source with one was found.
    /// </summary>
    public static ImmutableArray<PublishedFigure> All { get; } =
    [
        new("T4", 1, 136.44, TensorFlow), new("T4", 8, 341.77, TensorFlow),
        new("T4", 32, 414.66, TensorFlow), new("T4", 128, 429.83, TensorFlow),
        new("T4", 1, 98, PyTorch), new("T4", 8, 363, PyTorch), new("T4", 32, 420, PyTorch), new("T4", 128, 426, PyTorch),
        new("V100", 1, 173.35, TensorFlow), new("V100", 8, 783.24, TensorFlow),
        new("V100", 32, 1140.12, TensorFlow), new("V100", 128, 1324.91, TensorFlow),
        new("V100", 1, 96, PyTorch), new("V100", 8, 709, PyTorch), new("V100", 32, 1127, PyTorch), new("V100", 128, 1229, PyTorch),
    ];
}
