using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Diagnostics;

/// <summary>The app's logger; of one that throws, the line is lost and the work that it reports goes on.</summary>
internal sealed class GuardedLogger : ILogger
{
    private readonly ILogger logger;

    private GuardedLogger(ILogger logger) => this.logger = logger;

    /// <summary>Guards a logger, once.</summary>
    public static ILogger Of(ILogger logger) => logger as GuardedLogger ?? new GuardedLogger(logger);

    /// <inheritdoc/>
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    /// <inheritdoc/>
    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return logger.IsEnabled(logLevel);
        }
        catch (Exception)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch (Exception)
        {
            // The line is lost.
        }
    }
}
