using System.Globalization;
using IlgpuResNet.Files;

namespace IlgpuResNet.Downloads;

/// <summary>
/// Downloads one file and retries after failures. The bytes go to <c>NAME.part</c>; a broken transfer continues where it broke; the whole
/// file is hashed as it lies on the disk, and is renamed only when the hash is right. The caller holds the file's lock.
/// </summary>
internal sealed class WeightsDownload(WeightsCache cache, PublishedFile published, IProgress<DownloadProgress>? progress)
{
    /// <summary>Bytes that must arrive after a break before breaks are counted from 0 again.</summary>
    private const int NoticeableProgress = 1 << 20;

    /// <summary>Number of breaks after which the pause no longer doubles; it is at its longest by then.</summary>
    private const int MostDoublings = 16;

    /// <summary>Longest pause before an attempt, whether doubled or asked for by the server.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly Uri url = cache.Mirror is { } mirror ? Under(mirror, published.FileName) : published.Url;

    /// <summary>Downloads to a path.</summary>
    /// <exception cref="DownloadException">The file cannot be downloaded.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task RunAsync(string path, CancellationToken cancellation)
    {
        string part = $"{path}.part";
        try
        {
            var file = new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0, useAsync: true);
            using (file)
            {
                await FillAsync(file, cancellation).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }
            File.Move(part, path, overwrite: true);
        }
        finally
        {
            // An empty part is nothing to continue from.
            if (new FileInfo(part) is { Exists: true, Length: 0 } empty) empty.Delete();
        }
    }

    private async Task FillAsync(FileStream file, CancellationToken cancellation)
    {
        HttpClient client = cache.HttpClient ?? HttpTransfer.DefaultClient;
        var transfer = new HttpTransfer(client, url, cache.StallTimeout, published.MaxBytes, progress);
        long furthest = file.Length;
        for (int breaks = 0; ;)
        {
            TimeSpan? pause;
            string reason;
            try
            {
                bool isOnePiece = await transfer.ReceiveAsync(file, cancellation).ConfigureAwait(false);
                string hash = await WeightsHash.OfAsync(file, cancellation).ConfigureAwait(false);
                if (WeightsHash.Matches(hash, published)) return;
                string prefix = published.Sha256Prefix;
                string found = string.Create(CultureInfo.InvariantCulture,
                    $"its SHA-256 should begin with {prefix}, but the {file.Length} bytes received have {hash[..prefix.Length]}");
                file.SetLength(0);
                // A file joined from several connections, or one of unannounced length, may be at fault itself: try again.
                if (isOnePiece)
                {
                    throw new DownloadException(
                        $"{url}: {found}; the server has another file under this name, or something on the way changes it. "
                        + "Try another mirror.");
                }
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

    private DownloadException GivenUp(string reason, int breaks, long length)
    {
        string kept = length > 0
            ? string.Create(CultureInfo.InvariantCulture, $"the next download continues after the {length} bytes received so far")
            : "nothing is kept";
        string given = string.Create(CultureInfo.InvariantCulture, $"given up at attempt {breaks} in a row without progress");
        return new DownloadException(
            $"{url}: {FileText.OneLine(reason)}; {given}. Check the network, the proxy and the mirror; {kept}.");
    }

    private static Uri Under(Uri folder, string name)
    {
        if (!folder.IsAbsoluteUri)
            throw new DownloadException($"{folder}: is no address of a mirror; give one such as https://host/folder.");
        var file = new UriBuilder(folder);
        file.Path = $"{file.Path.TrimEnd('/')}/{name}";
        return file.Uri;
    }
}
