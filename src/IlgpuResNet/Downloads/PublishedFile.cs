namespace IlgpuResNet;

/// <summary>A published file of weights: name, address and the start of its hash. <see cref="WeightsCache"/> downloads it.</summary>
public abstract class PublishedFile
{
    private protected PublishedFile(string name, string fileName, Uri url, string sha256Prefix)
    {
        Name = name;
        FileName = fileName;
        Url = url;
        Sha256Prefix = sha256Prefix;
    }

    /// <summary>Name for users and messages, such as <c>resnet50:IMAGENET1K_V2</c>.</summary>
    public string Name { get; }

    /// <summary>Name of the file, such as <c>resnet50-11ad3fa6.pth</c>; a mirror and the cache keep it under this name.</summary>
    public string FileName { get; }

    /// <summary>Address of the file.</summary>
    public Uri Url { get; }

    /// <summary>
    /// First hexadecimal digits of the file's SHA-256, in lower case. They detect a damaged file, but do not protect against a forged one.
    /// </summary>
    public string Sha256Prefix { get; }

    /// <summary>Upper limit of the file's length in bytes; a server that sends more sends something else.</summary>
    internal abstract long MaxBytes { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
