using System.Security.Cryptography;

namespace IlgpuResNet.Downloads;

/// <summary>Compares a file with the hash that is published with it.</summary>
internal static class WeightsHash
{
    /// <summary>SHA-256 of a whole stream, in lower-case hexadecimal digits as torchvision writes it.</summary>
    public static async Task<string> OfAsync(Stream stream, CancellationToken cancellation)
    {
        stream.Position = 0;
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));
    }

    /// <summary>True when the file at a path has the published hash.</summary>
    public static async Task<bool> IsOfAsync(string path, PublishedFile published, CancellationToken cancellation)
    {
        using FileStream file = File.OpenRead(path);
        return Matches(await OfAsync(file, cancellation).ConfigureAwait(false), published);
    }

    /// <summary>True when a hash begins as the published one does.</summary>
    public static bool Matches(string hash, PublishedFile published) => hash.StartsWith(published.Sha256Prefix, StringComparison.Ordinal);
}
