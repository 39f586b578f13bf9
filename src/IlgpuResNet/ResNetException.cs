namespace IlgpuResNet;

/// <summary>
/// The base of everything this library throws for bad input or a failing device. Each message names the file
/// or tensor, what was expected, what was found and what to do, on one line.
/// </summary>
public class ResNetException : Exception
{
    /// <summary>Makes an exception with a one-line message.</summary>
    public ResNetException(string message) : base(message) { }

    /// <summary>Makes an exception with a one-line message and its cause.</summary>
    public ResNetException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A weights file is damaged, of an unknown format, refused for safety, or does not fit the network.</summary>
public sealed class WeightsException : ResNetException
{
    /// <inheritdoc/>
    public WeightsException(string message) : base(message) { }

    /// <inheritdoc/>
    public WeightsException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>An image cannot be read, decoded or used.</summary>
public sealed class ImageException : ResNetException
{
    /// <inheritdoc/>
    public ImageException(string message) : base(message) { }

    /// <inheritdoc/>
    public ImageException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A network description is inconsistent or cannot run on the input it is given.</summary>
public sealed class GraphException : ResNetException
{
    /// <inheritdoc/>
    public GraphException(string message) : base(message) { }

    /// <inheritdoc/>
    public GraphException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A compute device is unknown, absent, out of memory (<see cref="DeviceMemoryException"/>), lost (<see cref="DeviceLostException"/>) or failed.</summary>
public class DeviceException : ResNetException
{
    /// <inheritdoc/>
    public DeviceException(string message) : base(message) { }

    /// <inheritdoc/>
    public DeviceException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A device has too little memory. What it was asked for is freed again; with a smaller batch or image it may go well.</summary>
public sealed class DeviceMemoryException : DeviceException
{
    /// <summary>Makes an exception with a one-line message, its cause and the memory in question.</summary>
    public DeviceMemoryException(string message, long? requestedBytes, long? freeBytes, Exception? innerException) : base(message, innerException)
    {
        RequestedBytes = requestedBytes;
        FreeBytes = freeBytes;
    }

    /// <summary>Bytes that were asked for; null where a driver ran out of memory of its own.</summary>
    public long? RequestedBytes { get; }

    /// <summary>Bytes that the device had free; null where its driver does not say.</summary>
    public long? FreeBytes { get; }
}

/// <summary>
/// A device's driver failed in the middle of work. All that was on the device is lost: sessions there only fail until they are disposed.
/// A new session opens the device anew, as an <see cref="ImageClassifier"/> does by itself at its next call.
/// </summary>
public sealed class DeviceLostException : DeviceException
{
    /// <inheritdoc/>
    public DeviceLostException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A file cannot be downloaded, or is neither in the cache nor to be fetched.</summary>
public sealed class DownloadException : ResNetException
{
    /// <inheritdoc/>
    public DownloadException(string message) : base(message) { }

    /// <inheritdoc/>
    public DownloadException(string message, Exception? innerException) : base(message, innerException) { }
}
