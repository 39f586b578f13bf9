using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using IlgpuResNet.Diagnostics;
using IlgpuResNet.Files;

namespace IlgpuResNet.Downloads;

/// <summary>Receives one file over HTTP. A connection continues where the last one broke (range requests, RFC 9110, section 14).</summary>
/// <param name="client">Client for the requests.</param>
/// <param name="url">The file's address.</param>
/// <param name="stallTimeout">Longest time that the server may send nothing.</param>
/// <param name="mostBytes">Length of the longest file that is accepted.</param>
/// <param name="progress">Receives the state after each block of bytes, or null.</param>
internal sealed class HttpTransfer(HttpClient client, Uri url, TimeSpan stallTimeout, long mostBytes, IProgress<DownloadProgress>? progress)
{
    private const int BufferSize = 1 << 17;

    /// <summary>Answers of a server that may answer otherwise later.</summary>
    private static readonly HttpStatusCode[] Transient =
    [
        HttpStatusCode.RequestTimeout, HttpStatusCode.TooManyRequests, HttpStatusCode.InternalServerError,
        HttpStatusCode.BadGateway, HttpStatusCode.ServiceUnavailable, HttpStatusCode.GatewayTimeout,
    ];

    /// <summary>Errors that another attempt does not mend.</summary>
    private static readonly HttpRequestError[] Lasting =
    [
        HttpRequestError.NameResolutionError, HttpRequestError.SecureConnectionError, HttpRequestError.UserAuthenticationError,
        HttpRequestError.ProxyTunnelError, HttpRequestError.ConfigurationLimitExceeded,
    ];

    private static readonly Lazy<HttpClient> Shared = new(() => new HttpClient { Timeout = Timeout.InfiniteTimeSpan });

    private readonly byte[] buffer = new byte[BufferSize];

    /// <summary>Client with the system's proxy, shared by all downloads of the process.</summary>
    public static HttpClient DefaultClient => Shared.Value;

    /// <summary>Appends the missing rest to a file over one connection; starts again if the server does not send the rest alone.</summary>
    /// <returns>True when the whole file came over this connection and had the announced length.</returns>
    /// <exception cref="TransferBrokenException">The connection broke; the file holds the bytes received so far.</exception>
    /// <exception cref="DownloadException">The server does not have the file, or refuses it.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public async Task<bool> ReceiveAsync(FileStream file, CancellationToken cancellation)
    {
        if (file.Length > mostBytes) file.SetLength(0);
        using var stall = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        stall.CancelAfter(stallTimeout);
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        if (file.Length > 0) request.Headers.Range = new RangeHeaderValue(file.Length, null);
        using HttpResponseMessage response = await Guarded(
            () => client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stall.Token), cancellation).ConfigureAwait(false);

        long? total = Position(file, response);
        if (total == file.Length && response.StatusCode is HttpStatusCode.RequestedRangeNotSatisfiable) return false;
        if (total > mostBytes)
        {
            throw Refused(string.Create(CultureInfo.InvariantCulture,
                $"the server announces {total} bytes, but the weights have at most {mostBytes}"));
        }
        bool isOnePiece = file.Length == 0 && total is not null;
        using Stream body = await Guarded(() => response.Content.ReadAsStreamAsync(stall.Token), cancellation).ConfigureAwait(false);
        await CopyAsync(body, file, total, stall, cancellation).ConfigureAwait(false);
        return isOnePiece;
    }

    /// <summary>Cuts the file to the bytes that the answer continues from.</summary>
    /// <returns>Length of the whole file, or null when the server does not state it.</returns>
    private long? Position(FileStream file, HttpResponseMessage response)
    {
        file.Position = file.Length;
        HttpContentHeaders headers = response.Content.Headers;
        switch (response.StatusCode)
        {
            case HttpStatusCode.OK:
                file.SetLength(0);
                return headers.ContentLength;
            case HttpStatusCode.PartialContent when file.Length > 0 && headers.ContentRange?.From == file.Length:
                return headers.ContentRange.Length ?? file.Length + headers.ContentLength;
            // The file here is complete: a request for bytes after the last one is refused with the file's length.
            case HttpStatusCode.RequestedRangeNotSatisfiable when file.Length > 0 && headers.ContentRange?.Length == file.Length:
                return file.Length;
            case HttpStatusCode.PartialContent or HttpStatusCode.RequestedRangeNotSatisfiable when file.Length > 0:
                long asked = file.Length;
                file.SetLength(0);
                throw new TransferBrokenException(string.Create(CultureInfo.InvariantCulture,
                    $"asked for the bytes from {asked} on, the server answers {(int)response.StatusCode} with '{headers.ContentRange}'"));
            case var status when Transient.Contains(status):
                throw new TransferBrokenException($"the server answers {Status(response)}", PauseAskedFor(response));
            case >= HttpStatusCode.Ambiguous and < HttpStatusCode.BadRequest:
                string location = FileText.Clean(response.Headers.Location?.ToString() ?? "");
                throw Refused($"the server redirects without end, or to an address that is not followed: '{location}'");
            default:
                throw Refused($"the server answers {Status(response)}");
        }
    }

    private async Task CopyAsync(Stream body, FileStream file, long? total, CancellationTokenSource stall, CancellationToken cancellation)
    {
        long start = file.Length;
        long startTime = Stopwatch.GetTimestamp();
        Report();
        while (true)
        {
            stall.CancelAfter(stallTimeout);
            int count = await Guarded(() => body.ReadAsync(buffer, stall.Token).AsTask(), cancellation, file, total).ConfigureAwait(false);
            if (count == 0) break;
            if (file.Length + count > mostBytes)
            {
                file.SetLength(0);
                throw Refused(string.Create(CultureInfo.InvariantCulture,
                    $"the server sends more than {mostBytes} bytes, the most that the weights can have"));
            }
            await file.WriteAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
            Report();
        }
        if (file.Length < total) throw new TransferBrokenException(Ended(file, total));

        void Report()
        {
            double seconds = Stopwatch.GetElapsedTime(startTime).TotalSeconds;
            Callback.Report(progress, new DownloadProgress(file.Length, total, seconds > 0 ? (file.Length - start) / seconds : 0));
        }
    }

    /// <summary>Runs one network operation and separates failures that another attempt may mend from lasting ones.</summary>
    private async Task<T> Guarded<T>(Func<Task<T>> step, CancellationToken cancellation, FileStream? file = null, long? total = null)
    {
        try
        {
            return await step().ConfigureAwait(false);
        }
        // The stall timeout, or a shorter time limit of the caller's client.
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new TransferBrokenException(
                string.Create(CultureInfo.InvariantCulture, $"the server sent nothing for {stallTimeout.TotalSeconds:0.###} s"), inner: e);
        }
        catch (HttpRequestException e) when (Lasting.Contains(e.HttpRequestError))
        {
            throw new DownloadException($"{url}: {Reason(e)}. Check the network, the proxy and the mirror.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new TransferBrokenException(file is null ? e.Message : Ended(file, total), inner: e);
        }
        catch (Exception e) when (e is InvalidOperationException or NotSupportedException)
        {
            throw new DownloadException(
                $"{url}: is no address that can be downloaded from: {Reason(e)}. Give an http or https address.", e);
        }
    }

    private static string Reason(Exception e) => FileText.OneLine(e.Message).TrimEnd('.');

    private static string Ended(FileStream file, long? total) => string.Create(CultureInfo.InvariantCulture,
        $"the connection ended after {file.Length}{(total is null ? "" : $" of {total}")} bytes");

    private static string Status(HttpResponseMessage response) => string.Create(CultureInfo.InvariantCulture,
        $"{(int)response.StatusCode} ({FileText.Clean(response.ReasonPhrase ?? response.StatusCode.ToString())})");

    private static TimeSpan? PauseAskedFor(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - DateTimeOffset.UtcNow is var wait && wait > TimeSpan.Zero ? wait : null,
        _ => null,
    };

    private DownloadException Refused(string reason) =>
        new($"{url}: {reason}; the weights were expected there. Check the address of the mirror.");
}
