using System.Text;

namespace IlgpuResNet.Tests.Downloads;

/// <summary>The answers of a <see cref="FaultyServer"/>.</summary>
internal static class Answers
{
    /// <summary>Answers as a good server does: the whole file, the rest of it, or that there is no more.</summary>
    public static Answer Good(byte[] file) => (request, stream, stop) => request.From switch
    {
        null => SendAsync(stream, "200 OK", file, $"Content-Length: {file.Length}", stop),
        { } from when from >= file.Length => SendAsync(
            stream, "416 Range Not Satisfiable", [], $"Content-Length: 0\r\nContent-Range: bytes */{file.Length}", stop),
        { } from => SendAsync(stream, "206 Partial Content", file[from..],
            $"Content-Length: {file.Length - from}\r\nContent-Range: bytes {from}-{file.Length - 1}/{file.Length}", stop),
    };

    /// <summary>The whole file, whatever was asked for.</summary>
    public static Answer Whole(byte[] file) =>
        (_, stream, stop) => SendAsync(stream, "200 OK", file, $"Content-Length: {file.Length}", stop);

    /// <summary>Another length than the body has.</summary>
    public static Answer Lying(byte[] file, int length) =>
        (_, stream, stop) => SendAsync(stream, "200 OK", file, $"Content-Length: {length}", stop);

    /// <summary>No length: the end of the connection is the end of the file.</summary>
    public static Answer Unannounced(byte[] file) => (_, stream, stop) => SendAsync(stream, "200 OK", file, "X-Length: none", stop);

    /// <summary>The rest, but of another range than was asked for.</summary>
    public static Answer OtherRange(byte[] file, int from) => (_, stream, stop) =>
        SendAsync(stream, "206 Partial Content", file[from..],
            $"Content-Length: {file.Length - from}\r\nContent-Range: bytes {from}-{file.Length - 1}/{file.Length}", stop);

    /// <summary>As another answer begins, then nothing more, and the connection ends.</summary>
    public static Answer Cut(Answer answer, int bytes) =>
        async (request, stream, stop) => await answer(request, new ShortStream(stream, bytes), stop);

    /// <summary>As another answer begins, then nothing more, and the connection stays.</summary>
    public static Answer Stall(Answer answer, int bytes) => async (request, stream, stop) =>
    {
        try
        {
            await answer(request, new ShortStream(stream, bytes), stop);
        }
        catch (IOException)
        {
            await Task.Delay(Timeout.Infinite, stop);
        }
    };

    /// <summary>A status without a body.</summary>
    public static Answer Status(string status, string headers = "X-Headers: none") =>
        (_, stream, stop) => SendAsync(stream, status, [], $"Content-Length: 0\r\n{headers}", stop);

    /// <summary>A body without end.</summary>
    public static async Task Endless(Request request, Stream stream, CancellationToken stop)
    {
        byte[] zeros = new byte[1 << 16];
        await SendAsync(stream, "200 OK", zeros, "X-Length: none", stop);
        while (!stop.IsCancellationRequested) await stream.WriteAsync(zeros, stop);
    }

    private static async Task SendAsync(Stream stream, string status, byte[] body, string headers, CancellationToken stop)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\n{headers}\r\nConnection: close\r\n\r\n"), stop);
        await stream.FlushAsync(stop);
        await stream.WriteAsync(body, stop);
    }

    /// <summary>Lets the head of an answer and so many bytes of its body pass, then fails.</summary>
    private sealed class ShortStream(Stream stream, int bytes) : MemoryStream
    {
        private bool headIsSent;

        public override async Task FlushAsync(CancellationToken cancellationToken)
        {
            headIsSent = true;
            await stream.FlushAsync(cancellationToken);
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            bool isCut = headIsSent && buffer.Length > bytes;
            await stream.WriteAsync(isCut ? buffer[..bytes] : buffer, cancellationToken);
            if (isCut) throw new IOException("Cut as told.");
        }
    }
}
