namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>What is wrong with a PTX program or with what it did; the message names the kernel and the line.</summary>
internal sealed class PtxException(string message) : Exception(message);
