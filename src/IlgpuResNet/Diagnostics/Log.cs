using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Diagnostics;

/// <summary>All log messages of the library.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Loaded {Model} from {Source}: {Classes} classes, {Milliseconds:F1} ms")]
    public static partial void Loaded(this ILogger logger, string model, string source, int classes, double milliseconds);

    [LoggerMessage(2, LogLevel.Debug, "Planned {Model} on {Device} in {Milliseconds:F1} ms")]
    public static partial void Planned(this ILogger logger, string model, string device, double milliseconds);

    [LoggerMessage(
        3, LogLevel.Debug, "Prepared {Model} on {Device}: {Steps} steps, {ArenaBytes} bytes of activations, {Milliseconds:F1} ms")]
    public static partial void Prepared(this ILogger logger, string model, string device, int steps, long arenaBytes, double milliseconds);

    [LoggerMessage(4, LogLevel.Debug, "First run of {Model} on {Device}: {Images} images in {Milliseconds:F1} ms")]
    public static partial void RanFirst(this ILogger logger, string model, string device, int images, double milliseconds);

    [LoggerMessage(5, LogLevel.Trace, "Run of {Model} on {Device}: {Images} images in {Milliseconds:F2} ms")]
    public static partial void Ran(this ILogger logger, string model, string device, int images, double milliseconds);

    [LoggerMessage(6, LogLevel.Warning, "{Warning}")]
    public static partial void Suspicious(this ILogger logger, string warning);

    [LoggerMessage(7, LogLevel.Warning, "A session of {Model} failed and was dropped; the next call makes a new one: {Reason}")]
    public static partial void GaveUp(this ILogger logger, string model, string reason);

    [LoggerMessage(8, LogLevel.Warning, "There is no memory for one more session; callers wait for the existing ones: {Reason}")]
    public static partial void NoRoom(this ILogger logger, string reason);

    [LoggerMessage(9, LogLevel.Warning, "The handler of frame {Number} threw; the next frame is classified: {Reason}")]
    public static partial void HandlerThrew(this ILogger logger, long number, string reason);
}
