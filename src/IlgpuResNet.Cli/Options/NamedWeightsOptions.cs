using System.CommandLine;

namespace IlgpuResNet.Cli;

/// <summary>The options for published weights given by name: where they are kept, and whether they may be downloaded.</summary>
internal sealed class NamedWeightsOptions
{
    private readonly ToolConsole console;
    private readonly Option<string?> cache = new("--cache")
    {
        Description = $"Folder of downloaded weights. Default: {WeightsCache.DefaultFolder}.",
        HelpName = "FOLDER",
    };

    private readonly Option<bool> offline = new("--offline")
    {
        Description = "Downloads nothing: weights given by name must be in the folder.",
    };

    /// <param name="console">Where a download is shown.</param>
    public NamedWeightsOptions(ToolConsole console)
    {
        this.console = console;
        cache.RequirePath();
    }

    public void AddTo(Command command)
    {
        command.Add(cache);
        command.Add(offline);
    }

    /// <summary>The cache that the command line asks for.</summary>
    public WeightsCache Cache(ParseResult result) => new()
    {
        Folder = result.GetValue(cache) ?? WeightsCache.DefaultFolder,
        Offline = result.GetValue(offline),
    };

    /// <summary>True for a name whose file is not there yet.</summary>
    public bool MustDownload(string fileOrName, ParseResult result) =>
        PublishedWeights(fileOrName) is { } weights && !Cache(result).Contains(weights);

    /// <summary>The path itself, or the place in the cache of the published weights that it names, whether they are there or not.</summary>
    public string PathOf(string fileOrName, ParseResult result) =>
        PublishedWeights(fileOrName) is { } weights ? Cache(result).PathOf(weights) : fileOrName;

    /// <summary>The path itself, or the file of the published weights that it names.</summary>
    /// <exception cref="DownloadException">The weights are not in the cache and cannot be downloaded.</exception>
    public string Resolve(string fileOrName, ParseResult result, CancellationToken cancellation) =>
        PublishedWeights(fileOrName) is { } weights
            ? DownloadDisplay.GetAsync(console, Cache(result), weights, cancellation).GetAwaiter().GetResult()
            : fileOrName;

    /// <summary>The published weights that a text names; null for a path, which comes before a name, and for other text.</summary>
    private static ResNetWeights? PublishedWeights(string fileOrName) => Path.Exists(fileOrName) ? null : ResNetWeights.Parse(fileOrName);
}
