namespace IlgpuResNet.Kernels.Simd;

/// <summary>The epilogue of each panel. The constants of a last panel that is not full are copied to a buffer of full width.</summary>
internal readonly unsafe ref struct SimdPanelEpilogue
{
    private readonly int channels;
    private readonly int width;
    private readonly float* scale;
    private readonly float* shift;
    private readonly Epilogue flags;
    private readonly float* padded;

    /// <summary>For a convolution's operands.</summary>
    /// <param name="shape">The convolution.</param>
    /// <param name="operands">Its operands.</param>
    /// <param name="epilogue">Its epilogue.</param>
    /// <param name="width">Channels of a panel.</param>
    /// <param name="padded">A buffer for the channels of two panels, which must live as long as this.</param>
    public SimdPanelEpilogue(in Conv2dShape shape, in Operands operands, Epilogue epilogue, int width, float* padded)
    {
        channels = shape.K;
        scale = SimdConv2d.Pointer(operands.Scale);
        shift = SimdConv2d.Pointer(operands.Shift);
        flags = epilogue;
        this.width = width;
        this.padded = padded;
    }

    /// <summary>The epilogue of one panel; the caller sets output and residual.</summary>
    public SimdEpilogue Of(int panel)
    {
        int channel = panel * width;
        int count = Math.Min(width, channels - channel);
        var epilogue = new SimdEpilogue
        {
            RowStride = channels,
            Flags = flags,
            Channels = count,
            Scale = scale + channel,
            Shift = shift + channel,
        };
        if (count < width)
        {
            SimdEpilogue.Copy(epilogue.Scale, padded, count);
            SimdEpilogue.Copy(epilogue.Shift, padded + width, count);
            epilogue.Scale = padded;
            epilogue.Shift = padded + width;
        }
        return epilogue;
    }
}
