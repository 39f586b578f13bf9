namespace IlgpuResNet;

/// <summary>State of a download while it runs.</summary>
/// <param name="BytesReceived">Bytes of the file received so far, including those of an earlier download that was interrupted.</param>
/// <param name="TotalBytes">Length of the file, or null while the server has not stated it.</param>
/// <param name="BytesPerSecond">Mean rate of the current connection; 0 at its start.</param>
public readonly record struct DownloadProgress(long BytesReceived, long? TotalBytes, double BytesPerSecond)
{
    /// <summary>Time until the download is complete at this rate, or null while that is unknown.</summary>
    public TimeSpan? TimeLeft => TotalBytes is { } total && BytesPerSecond > 0
        && (total - BytesReceived) / BytesPerSecond is var seconds && seconds < TimeSpan.MaxValue.TotalSeconds
            ? TimeSpan.FromSeconds(Math.Max(seconds, 0))
            : null;
}
