using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace IlgpuResNet.Cli;

/// <summary>Shows a download: a bar with rate and time left on a terminal, one line in a log.</summary>
internal static class DownloadDisplay
{
    /// <summary>Returns the file of published weights, and downloads it first if the cache lacks it.</summary>
    public static async Task<string> GetAsync(
        ToolConsole console, WeightsCache cache, ResNetWeights weights, CancellationToken cancellation)
    {
        if (cache.Offline || (cache.Contains(weights) && !cache.VerifyCached)) return await cache.GetAsync(weights, null, cancellation);
        if (console.IsInteractive) return await GetWithBarAsync(console.Ansi, cache, weights, cancellation);
        // Announced only once bytes arrive: another process may be the one that downloads.
        bool isAnnounced = false;
        return await cache.GetAsync(weights, new Reporter(progress =>
        {
            if (isAnnounced) return;
            string size = progress.TotalBytes is { } total ? string.Create(CultureInfo.InvariantCulture, $", {total:N0} bytes,") : "";
            console.Note($"downloading {weights.Name}{size} to {cache.PathOf(weights)}");
            isAnnounced = true;
        }), cancellation);
    }

    /// <summary>As <see cref="GetAsync"/>, with a bar that disappears when the file is complete.</summary>
    public static Task<string> GetWithBarAsync(
        IAnsiConsole ansi, WeightsCache cache, ResNetWeights weights, CancellationToken cancellation) => ansi.Progress()
        .AutoClear(true)
        .Columns(
            new TaskDescriptionColumn(),
            new ProgressBarColumn(),
            new PercentageColumn(),
            new DownloadedColumn { Base = FileSizeBase.Decimal },
            new RateColumn())
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
    /// Rate and time left from the download itself: Spectre's own columns count the bytes of an earlier, interrupted download as speed.
    /// </summary>
    private sealed class RateColumn : ProgressColumn
    {
        private const double Mega = 1e6;

        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            DownloadProgress progress = task.State.Get<DownloadProgress>(nameof(DownloadProgress));
            if (progress.BytesPerSecond <= 0) return Text.Empty;
            string left = progress.TimeLeft is { TotalDays: < 1 } time
                ? time.ToString(time.TotalHours < 1 ? @"mm\:ss" : @"hh\:mm\:ss", CultureInfo.InvariantCulture)
                : "--:--";
            return new Text(string.Create(CultureInfo.InvariantCulture, $"{progress.BytesPerSecond / Mega:F1} MB/s, {left} left"));
        }
    }

    /// <summary>Reports at once and in order; <see cref="Progress{T}"/> would report on other threads.</summary>
    private sealed class Reporter(Action<DownloadProgress> report) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => report(value);
    }
}
