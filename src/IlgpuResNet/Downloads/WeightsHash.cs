using System.Security.Cryptography;

namespace IlgpuResNet.Downloads;

/// <summary>The check of a file against the hash in its name.</summary>
internal static class WeightsHash
{
    /// <summary>SHA-256 of a stream from its start, in lower-case hexadecimal digits as torchvision writes it.</summary>
    public static async Task<string> OfAsync(Stream stream, CancellationToken cancellation)
    {
        stream.Position = 0;
        return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));
    }

    /// <summary>True when a file is that of the weights.</summary>
    public static async Task<bool> IsOfAsync(string path, ResNetWeights weights, CancellationToken cancellation)
    {
        using FileStream file = File.OpenRead(path);
        return Matches(await OfAsync(file, cancellation).ConfigureAwait(false), weights);
    }

    /// <summary>True when a hash is that of the weights.</summary>
    public static bool Matches(string hash, ResNetWeights weights) => hash.StartsWith(weights.Sha256Prefix, StringComparison.Ordinal);
}
