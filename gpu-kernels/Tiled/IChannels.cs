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

    /// <summary>The epilogue per channel with its activation, whose first parameter is <paramref name="alpha"/>.</summary>
    static abstract TSelf FinishActivated(Epilogue epilogue, TSelf value, TSelf scale, TSelf shift, TSelf residual, TSelf alpha);

    /// <summary>The activation of an epilogue and the clip after it, per channel.</summary>
    static abstract TSelf Activate(Epilogue epilogue, TSelf value);

    /// <summary>One of <see cref="CombineOperation"/> per channel.</summary>
    static abstract TSelf Combine(int operation, TSelf a, TSelf b);
}
