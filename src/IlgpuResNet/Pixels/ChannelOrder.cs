namespace IlgpuResNet;

/// <summary>Order of the colours in a network's input.</summary>
public enum ChannelOrder
{
    /// <summary>Red, green, blue: PyTorch.</summary>
    Rgb,

    /// <summary>Blue, green, red: Caffe, OpenCV and Keras' mode <c>caffe</c>.</summary>
    Bgr,
}
