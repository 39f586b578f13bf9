using IlgpuResNet.Downloads;
using IlgpuResNet.Files;


namespace IlgpuResNet;

/// <summary>
/// A folder of downloaded weights. A file gets its name there only when it is complete and its hash is right, so what has the name is used
/// without a network. Any number of threads and processes may ask for the same file at once: one downloads, the others wait for it.
/// What an interrupted download has brought stays beside its place, in <c>NAME.part</c>, and the next goes on from there.
/// Immutable and thread-safe.
/// </summary>
public sealed record WeightsCache
{
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(100);

    /// <summary>What an open of a file that another process holds fails with: ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux and macOS.</summary>
    private static readonly int[] HeldByAnother = [unchecked((int)0x80070020), 11, 35];

    /// <summary>
    /// The folder of this user: <c>ilgpu-resnet/weights</c> in <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c>, in <c>%LOCALAPPDATA%</c> on
    /// Windows, in <c>~/Library/Caches</c> on macOS.
    /// </summary>
    public static string DefaultFolder => Path.Combine(CacheHome(), "ilgpu-resnet", "weights");

    /// <summary>Where the files are; made when the first is downloaded.</summary>
    public string Folder { get; init; } = DefaultFolder;

    /// <summary>Address of a folder that has the files under their names, instead of PyTorch's; null for that.</summary>
    public Uri? Mirror { get; init; }

    /// <summary>
    /// What speaks to the server, with the caller's proxy, headers and certificates; null for one that uses the system's proxy
    /// (<c>HTTPS_PROXY</c> and the like). It is never disposed here.
    /// </summary>
    public HttpClient? HttpClient { get; init; }

    /// <summary>True to use what is there and never the network.</summary>
    public bool Offline { get; init; }

    /// <summary>True to check the hash of a file also when it is there already, and to download it again when it is wrong.</summary>
    public bool VerifyCached { get; init; }

    /// <summary>How long a server may send nothing.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How often in a row a download may break without having got on before it is given up.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>Pause after the first break; each next one is twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Where the file of these weights is, or will be.</summary>
    public string PathOf(ResNetWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        return Path.Combine(Folder, weights.FileName);
    }

    /// <summary>True when the file is there.</summary>
    public bool Contains(ResNetWeights weights) => File.Exists(PathOf(weights));

    /// <summary>The file of some weights, downloaded if it is not there.</summary>
    /// <param name="weights">Which.</param>
    /// <param name="progress">Told of a download as it proceeds, on the thread that receives.</param>
    /// <param name="cancellation">Stops the download; what has come is kept for the next.</param>
    /// <returns>Path of the complete file.</returns>
    /// <exception cref="DownloadException">The file is not there and cannot be had; the message says why.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<string> GetAsync(ResNetWeights weights, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        string path = PathOf(weights);
        try
        {
            if (await IsThereAsync().ConfigureAwait(false)) return path;
            if (Offline)
                throw new DownloadException($"{weights.Name}: {path} is not there or damaged, and the network is not to be used. Download it where there is one, or put {weights.FileName} into that folder.");
            Directory.CreateDirectory(Folder);
            using FileStream held = await HoldAsync($"{path}.lock", cancellation).ConfigureAwait(false);
            // Another process may have brought it meanwhile.
            if (!await IsThereAsync().ConfigureAwait(false)) await new WeightsDownload(this, weights, progress).RunAsync(path, cancellation).ConfigureAwait(false);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new DownloadException($"{path}: cannot be written: {FileText.OneLine(e.Message).TrimEnd('.')}. Free the disk, allow writing, or name another cache folder.", e);
        }

        async ValueTask<bool> IsThereAsync() =>
            File.Exists(path) && (!VerifyCached || await WeightsHash.IsOfAsync(path, weights, cancellation).ConfigureAwait(false));
    }

    /// <summary>The path itself when there is such a file, or when it is no name of published weights; else the file of these weights, as <see cref="GetAsync"/> gives it.</summary>
    /// <param name="fileOrName">A path, or a name that <see cref="ResNetWeights.Parse"/> knows.</param>
    /// <param name="progress">Told of a download as it proceeds.</param>
    /// <param name="cancellation">Stops the download; what has come is kept for the next.</param>
    /// <exception cref="DownloadException">The file is not there and cannot be had; the message says why.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<string> ResolveAsync(string fileOrName, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(fileOrName);
        return NamedWeights(fileOrName) is { } weights ? await GetAsync(weights, progress, cancellation).ConfigureAwait(false) : fileOrName;
    }

    /// <summary>The published weights that a text names, or null when it stands for a file.</summary>
    internal static ResNetWeights? NamedWeights(string fileOrName) => File.Exists(fileOrName) ? null : ResNetWeights.Parse(fileOrName);

    /// <summary>Waits until no other thread or process holds this file. It stays: a process that waits may have it open already.</summary>
    private static async Task<FileStream> HoldAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (HeldByAnother.Contains(e.HResult))
            {
                await Task.Delay(LockPoll, cancellation).ConfigureAwait(false);
            }
        }
    }

    private static string CacheHome()
    {
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        if (OperatingSystem.IsWindows()) return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
        // The XDG base directory specification: a relative path is to be ignored.
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)) return xdg;
        return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches") : Path.Combine(home, ".cache");
    }
}
