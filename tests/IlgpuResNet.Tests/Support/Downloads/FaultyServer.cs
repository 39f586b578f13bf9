using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IlgpuResNet.Tests.Downloads;

/// <summary>A request as it came.</summary>
/// <param name="Target">The second word of the first line: a path, or a whole address when this server is a proxy.</param>
/// <param name="From">First byte of the range asked for, or null when the whole is.</param>
/// <param name="ProxyAuthorization">What the client says to a proxy about itself, or null.</param>
internal sealed record Request(string Target, int? From, string? ProxyAuthorization);

/// <summary>Writes an answer, well or badly; the connection is closed after it.</summary>
internal delegate Task Answer(Request request, Stream stream, CancellationToken stop);

/// <summary>
/// A server on this machine over bare sockets, so that it can do what no web server lets itself be told: one answer per request, the last
/// one for all further.
/// </summary>
internal sealed class FaultyServer : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentQueue<Request> requests = new();
    private readonly Answer[] answers;
    private readonly Task loop;
    private int served;

    public FaultyServer(params Answer[] answers)
    {
        this.answers = answers;
        listener.Start();
        Url = new Uri($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/models/");
        loop = AcceptAsync();
    }

    /// <summary>Address of a folder on it.</summary>
    public Uri Url { get; }

    /// <summary>The requests, in order.</summary>
    public Request[] Requests => [.. requests];

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        listener.Stop();
        await loop;
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var open = new List<Task>();
        while (!stop.IsCancellationRequested)
        {
            try
            {
                open.Add(ServeAsync(await listener.AcceptTcpClientAsync(stop.Token)));
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                break;
            }
        }
        await Task.WhenAll(open);
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                Request request = await ReadAsync(stream);
                requests.Enqueue(request);
                await answers[Math.Min(Interlocked.Increment(ref served), answers.Length) - 1](request, stream, stop.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // The client went away, or the test is over.
            }
        }
    }

    private async Task<Request> ReadAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        const string Range = "Range: bytes=", Authorization = "Proxy-Authorization: ";
        string? first = await reader.ReadLineAsync(stop.Token);
        int? from = null;
        string? authorization = null;
        while (await reader.ReadLineAsync(stop.Token) is { Length: > 0 } line)
        {
            if (line.StartsWith(Authorization, StringComparison.OrdinalIgnoreCase)) authorization = line[Authorization.Length..];
            if (line.StartsWith(Range, StringComparison.OrdinalIgnoreCase))
                from = int.Parse(line[Range.Length..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture);
        }
        return new Request(first?.Split(' ')[1] ?? "", from, authorization);
    }
}
