using System.Diagnostics;

namespace IlgpuResNet.SimulatedCuda;

/// <summary>The host's stack at a driver call, turned into text only when a finding needs it.</summary>
internal sealed class HostStack
{
    private const int MostFrames = 16;

    private readonly StackTrace trace = new(fNeedFileInfo: false);

    public override string ToString() => string.Join('\n', trace.GetFrames()
        .Select(frame => frame.GetMethod())
        .Where(method => method?.DeclaringType is { } type && type.Assembly != typeof(HostStack).Assembly)
        .Take(MostFrames)
        .Select(method => $"    at {method!.DeclaringType}.{method.Name}"));
}
