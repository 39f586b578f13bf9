namespace IlgpuResNet.SimulatedCuda;

/// <summary>
/// Kinds of mistakes of the host or of a kernel that a real driver would answer with wrong results, a crash, or nothing at all.
/// </summary>
internal enum FindingKind
{
    /// <summary>Two streams touch the same bytes, one of them writes, and nothing orders them.</summary>
    StreamRace,

    /// <summary>Page-locked memory changed between the call that enqueued a copy from it and the copy.</summary>
    SourceChanged,

    /// <summary>Page-locked memory was released before a copy from or to it ran.</summary>
    ReleasedWhilePending,

    /// <summary>A thread has no current context, or another one than the stream or the memory belongs to.</summary>
    WrongContext,

    /// <summary>Memory or a handle was used after it was freed.</summary>
    UseAfterFree,

    /// <summary>Memory or a handle was freed twice, or was never allocated.</summary>
    DoubleFree,

    /// <summary>A copy or a kernel left its allocation.</summary>
    OutOfBounds,

    /// <summary>Device memory was read before anything was written to it.</summary>
    UninitializedRead,

    /// <summary>A launch was larger than the device or the kernel allows.</summary>
    LaunchLimit,

    /// <summary>A launch's argument buffer does not have the size of the kernel's parameters.</summary>
    ArgumentSize,

    /// <summary>Something was not given back.</summary>
    Leak,

    /// <summary>A kernel did what PTX forbids: a race within a launch, a misaligned access, a barrier that not all threads reach.</summary>
    KernelFault,

    /// <summary>The simulator lacks something: a device attribute, a PTX instruction.</summary>
    Unsupported,
}

/// <summary>One mistake.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Call">The driver function that enqueued the work or made the mistake.</param>
/// <param name="Stream">The stream of the work, if it has one.</param>
/// <param name="Text">What happened.</param>
/// <param name="Stack">The host's calls that led to <paramref name="Call"/>.</param>
internal sealed record Finding(FindingKind Kind, string Call, string? Stream, string Text, string Stack)
{
    public override string ToString() => $"{Kind}: {Call}{(Stream is null ? "" : $" on {Stream}")}: {Text}\n{Stack}";
}
