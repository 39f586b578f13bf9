namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// A quantity of one or more neighbouring channels, so that one kernel body serves four channels at a time
/// and, where the channel count is not a multiple of four, one.
/// </summary>
internal interface IChannels<TSelf>
    where TSelf : unmanaged, IChannels<TSelf>
{
    /// <summary>All channels 0.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>All channels the same.</summary>
    static abstract TSelf Broadcast(float value);

    /// <summary>Sum per channel.</summary>
    static abstract TSelf Add(TSelf a, TSelf b);

    /// <summary>Quotient per channel.</summary>
    static abstract TSelf Divide(TSelf a, float b);

    /// <summary>Maximum per channel; a NaN on either side wins.</summary>
    static abstract TSelf Max(TSelf a, TSelf b);

    /// <summary>The epilogue per channel; the residual is zero where none is added.</summary>
    static abstract TSelf Finish(EpilogueBounds bounds, TSelf value, TSelf scale, TSelf shift, TSelf residual);
}
