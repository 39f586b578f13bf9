namespace IlgpuResNet.Downloads;

/// <summary>A transfer broke; another attempt may succeed. Never leaves <see cref="WeightsDownload"/>.</summary>
/// <param name="message">The reason, to follow an address and a colon.</param>
/// <param name="pause">Pause that the server asks for before the next attempt, or null when it asks for none.</param>
/// <param name="inner">The cause.</param>
internal sealed class TransferBrokenException(string message, TimeSpan? pause = null, Exception? inner = null) : Exception(message, inner)
{
    public TimeSpan? Pause => pause;
}
