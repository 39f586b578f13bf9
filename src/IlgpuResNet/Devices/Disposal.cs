using System.Runtime.ExceptionServices;

namespace IlgpuResNet.Devices;

/// <summary>Disposal of several parts.</summary>
internal static class Disposal
{
    /// <summary>Disposes every part, also after one has failed, and then throws the first failure.</summary>
    public static void All(params ReadOnlySpan<IDisposable?> parts)
    {
        ExceptionDispatchInfo? first = null;
        foreach (IDisposable? part in parts)
        {
            try
            {
                part?.Dispose();
            }
            catch (Exception e)
            {
                first ??= ExceptionDispatchInfo.Capture(e);
            }
        }
        first?.Throw();
    }
}
