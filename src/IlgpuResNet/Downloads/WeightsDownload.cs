using System.Globalization;
using IlgpuResNet.Files;

namespace IlgpuResNet.Downloads;

/// <summary>
/// One file from a server that may fail in any way. It grows in <c>NAME.part</c>; what breaks is taken up again where it broke; the whole
/// is hashed as it lies on the disk, and only what is right gets the name. The caller holds the file's lock.
/// </summary>
internal sealed class WeightsDownload(WeightsCache cache, ResNetWeights weights, IProgress<DownloadProgress>? progress)
{
    /// <summary>What must have come since the last break for the count of breaks to start anew.</summary>
    private const int NoticeableProgress = 1 << 20;

    /// <summary>Pauses no longer double after so many breaks: they are at their longest by then.</summary>
    private const int MostDoublings = 16;

    /// <summary>The longest pause that a server may ask for.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly Uri url = cache.Mirror is { } mirror ? Under(mirror, weights.FileName) : weights.Url;

    /// <summary>Downloads into a path.</summary>
    /// <exception cref="DownloadException">The file cannot be had.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task RunAsync(string path, CancellationToken cancellation)
    {
        string part = $"{path}.part";
        try
        {
            using (var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0, useAsync: true))
            {
                await FillAsync(file, cancellation).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            // Nothing to go on with.
            if (new FileInfo(part) is { Exists: true, Length: 0 } empty) empty.Delete();
        }
    }

    private async Task FillAsync(FileStream file, CancellationToken cancellation)
    {
        var transfer = new HttpTransfer(cache.HttpClient ?? HttpTransfer.DefaultClient, url, cache.StallTimeout, MostBytes(weights), progress);
        long furthest = file.Length;
        for (int breaks = 0; ;)
        {
            TimeSpan? pause;
            string reason;
            try
            {
                bool isOnePiece = await transfer.ReceiveAsync(file, cancellation).ConfigureAwait(false);
                string hash = await WeightsHash.OfAsync(file, cancellation).ConfigureAwait(false);
                if (WeightsHash.Matches(hash, weights)) return;
                string found = string.Create(CultureInfo.InvariantCulture,
                    $"its SHA-256 should begin with {weights.Sha256Prefix}, but the {file.Length} bytes received have {hash[..weights.Sha256Prefix.Length]}");
                file.SetLength(0);
                // Pieces of several connections, or one that ended unannounced, may be at fault themselves.
                if (isOnePiece) throw new DownloadException($"{url}: {found}; the server has another file under this name, or something on the way changes it. Try another mirror.");
                (reason, pause) = (found, null);
            }
            catch (TransferBrokenException e)
            {
                (reason, pause) = (e.Message, e.Pause);
            }
            if (file.Length >= furthest + NoticeableProgress) (furthest, breaks) = (file.Length, 0);
            if (++breaks >= cache.MaxAttempts) throw GivenUp(reason, breaks, file.Length);
            if (pause > LongestPause) throw GivenUp($"{reason} and asks to wait {pause}", breaks, file.Length);
            TimeSpan backOff = cache.RetryDelay * Math.Pow(2, Math.Min(breaks - 1, MostDoublings));
            await Task.Delay(pause ?? (backOff < LongestPause ? backOff : LongestPause), cancellation).ConfigureAwait(false);
        }
    }

    private DownloadException GivenUp(string reason, int breaks, long length) => new(string.Create(CultureInfo.InvariantCulture,
        $"{url}: {FileText.OneLine(reason)}; given up at attempt {breaks} in a row without progress. Check the network, the proxy and the mirror; {(length > 0 ? $"the next download goes on after the {length} bytes that are here" : "nothing is kept")}."));

    /// <summary>Twice the parameters' bytes, and a megabyte for what a file has besides: who sends more sends something else.</summary>
    private static long MostBytes(ResNetWeights weights) => (2 * weights.ParameterCount * sizeof(float)) + (1 << 20);

    private static Uri Under(Uri folder, string name)
    {
        if (!folder.IsAbsoluteUri) throw new DownloadException($"{folder}: is no address of a mirror; give one such as https://host/folder.");
        var file = new UriBuilder(folder);
        file.Path = $"{file.Path.TrimEnd('/')}/{name}";
        return file.Uri;
    }
}
