namespace IlgpuResNet;

/// <summary>How far a download is.</summary>
/// <param name="BytesReceived">Bytes of the file that are there, those of an earlier, broken download included.</param>
/// <param name="TotalBytes">Length of the file, or null while the server has not said it.</param>
/// <param name="BytesPerSecond">Mean rate of the present connection; 0 at its start.</param>
public readonly record struct DownloadProgress(long BytesReceived, long? TotalBytes, double BytesPerSecond)
{
    /// <summary>Time to the end at this rate, or null while that is unknown.</summary>
    public TimeSpan? TimeLeft =>
        TotalBytes is { } total && BytesPerSecond > 0 && (total - BytesReceived) / BytesPerSecond is var seconds && seconds < TimeSpan.MaxValue.TotalSeconds
            ? TimeSpan.FromSeconds(Math.Max(seconds, 0))
            : null;
}
