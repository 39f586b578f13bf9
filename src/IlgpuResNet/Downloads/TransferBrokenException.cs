namespace IlgpuResNet.Downloads;

/// <summary>A transfer broke in a way that another attempt may mend.</summary>
/// <param name="message">What happened, to follow an address and a colon.</param>
/// <param name="pause">How long the server wants to be left alone, or null when it does not say.</param>
/// <param name="inner">The cause.</param>
internal sealed class TransferBrokenException(string message, TimeSpan? pause = null, Exception? inner = null) : Exception(message, inner)
{
    public TimeSpan? Pause => pause;
}
