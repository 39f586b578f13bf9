using IlgpuResNet.Files;

namespace IlgpuResNet;

/// <summary>
/// Base of all exceptions that this library throws for bad input or a failing device. Each message is one line that names the file or
/// tensor, what was expected, what was found and what to do.
/// </summary>
public class ResNetException : Exception
{
    /// <summary>Makes an exception; line breaks in its message become spaces, and what could mislead a terminal goes.</summary>
    public ResNetException(string message) : base(FileText.OneLine(message)) { }

    /// <summary>Makes an exception with a one-line message and its cause.</summary>
    public ResNetException(string message, Exception? innerException) : base(FileText.OneLine(message), innerException) { }
}

/// <summary>A weights file is damaged, has an unknown format, is refused for safety, or does not fit the network.</summary>
public sealed class WeightsException : ResNetException
{
    /// <inheritdoc/>
    public WeightsException(string message) : base(message) { }

    /// <inheritdoc/>
    public WeightsException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>An image cannot be read, decoded, preprocessed or written.</summary>
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

/// <summary>
/// A compute device is unknown, absent, out of memory (<see cref="DeviceMemoryException"/>), lost (<see cref="DeviceLostException"/>), or
/// failed.
/// </summary>
public class DeviceException : ResNetException
{
    /// <inheritdoc/>
    public DeviceException(string message) : base(message) { }

    /// <inheritdoc/>
    public DeviceException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>
/// A device has too little memory. What was allocated for the failed call is freed again; a smaller batch or image may succeed.
/// </summary>
public sealed class DeviceMemoryException : DeviceException
{
    /// <summary>Makes an exception with a one-line message, its cause and the memory in question.</summary>
    public DeviceMemoryException(string message, long? requestedBytes, long? freeBytes, Exception? innerException)
        : base(message, innerException)
    {
        RequestedBytes = requestedBytes;
        FreeBytes = freeBytes;
    }

    /// <summary>Bytes that were requested; null where a driver ran out of memory of its own.</summary>
    public long? RequestedBytes { get; }

    /// <summary>Bytes that were free on the device; null where its driver does not report them.</summary>
    public long? FreeBytes { get; }
}

/// <summary>
/// A device's driver failed during work, and everything on the device is lost: its sessions only throw until they are disposed. A new
/// session reopens the device; an <see cref="ImageClassifier"/> makes one by itself at its next call.
/// </summary>
public sealed class DeviceLostException : DeviceException
{
    /// <inheritdoc/>
    public DeviceLostException(string message, Exception? innerException) : base(message, innerException) { }
}

/// <summary>A file cannot be downloaded, or is not in the cache while downloads are off.</summary>
public sealed class DownloadException : ResNetException
{
    /// <inheritdoc/>
    public DownloadException(string message) : base(message) { }

    /// <inheritdoc/>
    public DownloadException(string message, Exception? innerException) : base(message, innerException) { }
}
