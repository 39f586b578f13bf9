using System.Runtime.CompilerServices;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// The registers of the warps of a CTA. One launch after the other uses them, as filling them takes longer than a small launch.
/// </summary>
internal sealed unsafe class WarpRegisterFile
{
    private const int VectorBytes = 64;

    private readonly byte[] memory;
    private readonly byte* start;
    private readonly int bytes;

    public WarpRegisterFile(WarpRegisters places, int warps)
    {
        Warps = warps;
        bytes = places.Bytes;
        memory = GC.AllocateUninitializedArray<byte>(bytes * warps + VectorBytes, pinned: true);
        start = (byte*)Unsafe.AsPointer(ref memory[0]);
        start += VectorBytes - (long)start % VectorBytes;
        new Span<ulong>(start, bytes * warps / sizeof(ulong)).Fill(PtxProgram.Poison);
        for (int warp = 0; warp < warps; warp++)
            foreach ((int place, bool isWide, ulong value) in places.Constants)
                if (isWide) new Span<ulong>(Of(warp) + place, Warp.Lanes).Fill(value);
                else new Span<uint>(Of(warp) + place, Warp.Lanes).Fill((uint)value);
    }

    public int Warps { get; }

    /// <summary>The registers of a warp, aligned to a vector.</summary>
    public byte* Of(int warp) => start + (long)bytes * warp;
}
