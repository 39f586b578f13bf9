using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace IlgpuResNet.Cli;

/// <summary>Shows a download: a bar with rate and time left for a person, one line for a log.</summary>
internal static class DownloadDisplay
{
    /// <summary>The file of some weights, downloaded if the cache lacks it.</summary>
    public static async Task<string> GetAsync(ToolConsole console, WeightsCache cache, ResNetWeights weights, CancellationToken cancellation)
    {
        if (cache.Offline || (cache.Contains(weights) && !cache.VerifyCached)) return await cache.GetAsync(weights, null, cancellation);
        if (console.IsInteractive) return await GetWithBarAsync(console.Ansi, cache, weights, cancellation);
        // Said only once something comes: another process may be the one that downloads.
        bool isSaid = false;
        return await cache.GetAsync(weights, new Reporter(progress =>
        {
            if (!isSaid) console.Note(string.Create(CultureInfo.InvariantCulture, $"downloading {weights.Name}{(progress.TotalBytes is { } total ? $", {total:N0} bytes," : "")} to {cache.PathOf(weights)}"));
            isSaid = true;
        }), cancellation);
    }

    /// <summary>As <see cref="GetAsync"/>, with a bar that goes when the file is there.</summary>
    public static Task<string> GetWithBarAsync(IAnsiConsole ansi, WeightsCache cache, ResNetWeights weights, CancellationToken cancellation) => ansi.Progress()
        .AutoClear(true)
        .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new DownloadedColumn { Base = FileSizeBase.Decimal }, new RateColumn())
        .StartAsync(context =>
        {
            ProgressTask task = context.AddTask(weights.Name);
            task.IsIndeterminate = true;
            return cache.GetAsync(weights, new Reporter(progress =>
            {
                task.IsIndeterminate = progress.TotalBytes is null;
                task.MaxValue = progress.TotalBytes ?? progress.BytesReceived + 1;
                task.Value = progress.BytesReceived;
                task.State.Update<DownloadProgress>(nameof(DownloadProgress), _ => progress);
            }), cancellation);
        });

    /// <summary>
    /// Rate and time left as the download itself reckons them: Spectre's own columns take what an earlier download brought for speed.
    /// </summary>
    private sealed class RateColumn : ProgressColumn
    {
        private const double Mega = 1e6;

        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            DownloadProgress progress = task.State.Get<DownloadProgress>(nameof(DownloadProgress));
            if (progress.BytesPerSecond <= 0) return Text.Empty;
            string left = progress.TimeLeft is { TotalDays: < 1 } time ? time.ToString(time.TotalHours < 1 ? @"mm\:ss" : @"hh\:mm\:ss", CultureInfo.InvariantCulture) : "--:--";
            return new Text(string.Create(CultureInfo.InvariantCulture, $"{progress.BytesPerSecond / Mega:F1} MB/s, {left} left"));
        }
    }

    /// <summary>Reports at once, in order, where <see cref="Progress{T}"/> would on other threads.</summary>
    private sealed class Reporter(Action<DownloadProgress> report) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => report(value);
    }
}
