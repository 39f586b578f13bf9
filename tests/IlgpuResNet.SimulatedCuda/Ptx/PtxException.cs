namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>How a device would answer a mistake.</summary>
internal enum PtxFault
{
    /// <summary>The program is wrong, or what it does has no defined result.</summary>
    Undefined,

    /// <summary>An access lies outside all memory.</summary>
    OutOfBounds,

    /// <summary>An address is no multiple of the access's width.</summary>
    Misaligned,
}

/// <summary>A PTX program is wrong or did something wrong; the message names the kernel and the line.</summary>
internal sealed class PtxException(string message, PtxFault fault = PtxFault.Undefined) : Exception(message)
{
    public PtxFault Fault => fault;

    /// <summary>The address of an access outside all memory.</summary>
    public ulong Address { get; private set; }

    /// <summary>Notes the address, and returns itself.</summary>
    public PtxException At(ulong address)
    {
        Address = address;
        return this;
    }
}
