namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The values of one or more neighbouring channels. A kernel that is generic over it works on four channels at a time or, where the number
/// of channels is no multiple of four, on one.
/// </summary>
internal interface IChannels<TSelf>
    where TSelf : unmanaged, IChannels<TSelf>
{
    /// <summary>Zero in all channels.</summary>
    static abstract TSelf Zero { get; }

    /// <summary>One value in all channels.</summary>
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
