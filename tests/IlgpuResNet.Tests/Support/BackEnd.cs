namespace IlgpuResNet.Tests;

/// <summary>
/// Where a test written once is run. An operator's tests are an abstract class that takes a <see cref="BackEnd"/>;
/// a sealed class per back end, one line each, carries the category.
/// </summary>
public enum BackEnd
{
    /// <summary>The CPU accelerator as the library opens it, with the SIMD family.</summary>
    Cpu,

    /// <summary>The CPU accelerator simulating an NVIDIA device (warps of 32), with the tiled family. Small shapes only.</summary>
    SimulatedNvidia,

    /// <summary>The CPU accelerator simulating an AMD device (groups of at most 256), with the tiled family. Small shapes only.</summary>
    SimulatedAmd,

    /// <summary>
    /// The tiled family as the PTX that CUDA would get, on the tests' own interpreter, under every policy of scheduling. Small shapes only.
    /// </summary>
    Ptx,

    /// <summary>The first OpenCL device, with the tiled family.</summary>
    OpenCL,

    /// <summary>The first CUDA device, with the tiled family.</summary>
    Cuda,
}
