namespace IlgpuResNet.Kernels.Tiled;

/// <summary>
/// The two instances of a kernel whose threads work on channels: on quads of them (<see cref="Float4"/>), or on single channels
/// (<see cref="Float1"/>) where the channels are no multiple of 4. Each is loaded when it is first asked for.
/// </summary>
/// <param name="loadQuads">Loads the instance for <see cref="Float4"/>.</param>
/// <param name="loadSingles">Loads the instance for <see cref="Float1"/>.</param>
internal sealed class ChannelKernel<TLaunch>(Func<TLaunch> loadQuads, Func<TLaunch> loadSingles)
{
    private readonly BackgroundLoad<TLaunch> quads = new(loadQuads);
    private readonly BackgroundLoad<TLaunch> singles = new(loadSingles);

    /// <summary>Begins to load the instance for a number of channels; the task ends when it is loaded.</summary>
    public Task Load(int channels) => For(channels).Start();

    /// <summary>Launches the instance for a number of channels; waits until it is loaded.</summary>
    public TLaunch Launch(int channels) => For(channels).Value;

    private BackgroundLoad<TLaunch> For(int channels) => ChannelKernel.Width(channels) == Float4.Width ? quads : singles;
}

/// <summary>How the threads of a <see cref="ChannelKernel{TLaunch}"/> divide channels.</summary>
internal static class ChannelKernel
{
    /// <summary>Channels that a thread works on at a time: 4 or 1.</summary>
    public static int Width(int channels) => channels % Float4.Width == 0 ? Float4.Width : 1;
}
