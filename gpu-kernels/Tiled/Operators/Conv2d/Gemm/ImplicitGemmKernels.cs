using System.Collections.Concurrent;
using ILGPU.Runtime;
using GemmLaunch = System.Action<
    ILGPU.Runtime.AcceleratorStream, ILGPU.KernelConfig, IlgpuResNet.Kernels.Conv2dShape, IlgpuResNet.Kernels.ChannelWindow,
    IlgpuResNet.Kernels.Tiled.TapSteps, IlgpuResNet.Kernels.Operands, IlgpuResNet.Kernels.Epilogue, IlgpuResNet.Kernels.Tiled.GemmParts>;

namespace IlgpuResNet.Kernels.Tiled;

/// <summary>How the main loop of <see cref="ImplicitGemm"/> reads its activations.</summary>
internal enum GemmInput
{
    /// <summary><see cref="DenseActivations"/>.</summary>
    Dense,

    /// <summary><see cref="SliceActivations"/>.</summary>
    Slices,

    /// <summary><see cref="QuadActivations"/>.</summary>
    Quads,
}

/// <summary>
/// The instances of <see cref="ImplicitGemm"/>, one for each tile and kind of input. Each is compiled when it is first asked for.
/// </summary>
internal sealed class ImplicitGemmKernels(IKernelLoader loader)
{
    /// <summary>
    /// Threads that must fit a multiprocessor, so that some groups compute while others wait at their barrier. It leaves each thread 128
    /// registers.
    /// </summary>
    private const int ThreadsPerMultiprocessor = 512;

    private readonly ConcurrentDictionary<(GemmTile, GemmInput), BackgroundLoad<GemmLaunch>> loads = [];

    /// <summary>The kind of input of a direct convolution.</summary>
    public static GemmInput InputOf(in Conv2dShape shape) =>
        PackedFilter.Window(shape).Length % GemmTile.LeastK != 0 || shape.R * shape.S > TapSteps.MostTaps ? GemmInput.Quads
        : shape.IsDense ? GemmInput.Dense : GemmInput.Slices;

    /// <summary>All kernels.</summary>
    public static IEnumerable<(GemmTile Tile, GemmInput Input)> All =>
        from tile in GemmTile.All from input in Enum.GetValues<GemmInput>() where Exists(tile, input) select (tile, input);

    /// <summary>
    /// True when there is a kernel. Inputs whose channels are no multiple of 8 are few and narrow (the stem, and unusual networks), so that
    /// two tiles suffice for them.
    /// </summary>
    public static bool Exists(GemmTile tile, GemmInput input) =>
        input is not GemmInput.Quads || tile == GemmTile.M128N64 || tile == GemmTile.M64N32;

    /// <summary>The kernel for a tile and a kind of input.</summary>
    public BackgroundLoad<GemmLaunch> Get(GemmTile tile, GemmInput input) => loads.GetOrAdd(
        (tile, input), static (key, loader) => new(() => loader.Load(Method(key.Item1, key.Item2), Specialization(key.Item1))), loader);

    /// <summary>Tells the compiler how many threads share the registers of a multiprocessor.</summary>
    public static KernelSpecialization Specialization(GemmTile tile) => new(tile.Threads, ThreadsPerMultiprocessor / tile.Threads);

    /// <summary>The C# method of a kernel.</summary>
    public static Action<Conv2dShape, ChannelWindow, TapSteps, Operands, Epilogue, GemmParts> Method(GemmTile tile, GemmInput input) =>
        tile == GemmTile.M128N128 ? Method<Tile128x128, Rows8<Columns8>>(input)
        : tile == GemmTile.M128N64 ? Method<Tile128x64, Rows8<Columns8>>(input)
        : tile == GemmTile.M64N128 ? Method<Tile64x128, Rows8<Columns8>>(input)
        : tile == GemmTile.M64N64 ? Method<Tile64x64, Rows8<Columns8>>(input)
        : tile == GemmTile.M64N32 ? Method<Tile64x32, Rows8<Columns4>>(input)
        : tile == GemmTile.M32N64 ? Method<Tile32x64, Rows4<Columns8>>(input)
        : tile == GemmTile.M32N32 ? Method<Tile32x32, Rows4<Columns4>>(input)
        : tile == GemmTile.M64N64P2 ? Method<Tile64x64P2, SlicedRows8<EightSteps>>(input)
        : tile == GemmTile.M32N64P4 ? Method<Tile32x64P4, SlicedRows8<FourSteps>>(input)
        : throw new ArgumentException($"There is no kernel for tiles of {tile}; use one of {nameof(GemmTile)}.{nameof(GemmTile.All)}.");

    private static Action<Conv2dShape, ChannelWindow, TapSteps, Operands, Epilogue, GemmParts> Method<TTile, TThreadTile>(GemmInput input)
        where TTile : struct, IGemmTile
        where TThreadTile : unmanaged, IThreadTile<TThreadTile> => input switch
        {
            GemmInput.Dense => ImplicitGemm.Kernel<TTile, TThreadTile, DenseActivations>,
            GemmInput.Slices => ImplicitGemm.Kernel<TTile, TThreadTile, SliceActivations>,
            GemmInput.Quads => ImplicitGemm.Kernel<TTile, TThreadTile, QuadActivations>,
            _ => throw new ArgumentOutOfRangeException(nameof(input)),
        };
}
