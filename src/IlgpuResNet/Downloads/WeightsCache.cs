using IlgpuResNet.Downloads;
using IlgpuResNet.Files;

namespace IlgpuResNet;

/// <summary>
/// A folder of downloaded weights. A file gets its final name only when it is complete and its hash is right, so a file under that name
/// is used without a network. Threads and processes may ask for one file at once: one of them downloads, the others wait. An interrupted
/// download leaves <c>NAME.part</c> in the folder, and the next one continues from there. Immutable and thread-safe.
/// </summary>
public sealed record WeightsCache
{
    private static readonly TimeSpan LockPoll = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Error codes for opening a file that another process holds: ERROR_SHARING_VIOLATION on Windows, EWOULDBLOCK on Linux and macOS.
    /// </summary>
    private static readonly int[] HeldByAnother = [unchecked((int)0x80070020), 11, 35];

    /// <summary>
    /// The current user's folder: <c>ilgpu-resnet/weights</c> in <c>$XDG_CACHE_HOME</c> or <c>~/.cache</c>, in <c>%LOCALAPPDATA%</c> on
    /// Windows, in <c>~/Library/Caches</c> on macOS.
    /// </summary>
    public static string DefaultFolder => Path.Combine(CacheHome(), "ilgpu-resnet", "weights");

    /// <summary>Folder of the files; created by the first download.</summary>
    public string Folder { get; init; } = DefaultFolder;

    /// <summary>Address of a folder that has the files under their own names; null for the address each file is published at.</summary>
    public Uri? Mirror { get; init; }

    /// <summary>
    /// Client for the requests, with the caller's proxy, headers and certificates; null for one that uses the system's proxy
    /// (<c>HTTPS_PROXY</c> and the like). The cache never disposes it.
    /// </summary>
    public HttpClient? HttpClient { get; init; }

    /// <summary>True to use files that are in the folder and never the network.</summary>
    public bool Offline { get; init; }

    /// <summary>True to check the hash of a file that is already in the folder, and to download it again when the hash is wrong.</summary>
    public bool VerifyCached { get; init; }

    /// <summary>Longest time that a server may send nothing.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Number of attempts in a row without progress after which a download fails.</summary>
    public int MaxAttempts { get; init; } = 5;

    /// <summary>Pause after the first failed attempt; each later one is twice as long.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(0.5);

    /// <summary>Path of the file in the folder, whether it is there or not.</summary>
    public string PathOf(PublishedFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return Path.Combine(Folder, file.FileName);
    }

    /// <summary>True when the file is in the folder.</summary>
    public bool Contains(PublishedFile file) => File.Exists(PathOf(file));

    /// <summary>Returns the path of a published file and downloads the file first if it is not in the folder.</summary>
    /// <param name="file">The file, such as <c>ResNetWeights.ImageNet1KV2.ResNet50</c>.</param>
    /// <param name="progress">Receives the state of a download, on the thread that receives the bytes.</param>
    /// <param name="cancellation">Stops the download; the bytes received so far are kept for the next one.</param>
    /// <returns>Path of the complete file.</returns>
    /// <exception cref="DownloadException">The file is not in the folder and cannot be downloaded; the message has the reason.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<string> GetAsync(
        PublishedFile file, IProgress<DownloadProgress>? progress = null, CancellationToken cancellation = default)
    {
        string path = PathOf(file);
        try
        {
            if (await IsThereAsync().ConfigureAwait(false)) return path;
            if (Offline)
            {
                throw new DownloadException(
                    $"{file.Name}: {path} is missing or damaged, and downloads are off. "
                    + $"Download it where there is a network, or put {file.FileName} into that folder.");
            }
            Directory.CreateDirectory(Folder);
            using FileStream held = await HoldAsync($"{path}.lock", cancellation).ConfigureAwait(false);
            // Another process may have downloaded it meanwhile.
            if (await IsThereAsync().ConfigureAwait(false)) return path;
            await new WeightsDownload(this, file, progress).RunAsync(path, cancellation).ConfigureAwait(false);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            string reason = FileText.OneLine(e.Message).TrimEnd('.');
            throw new DownloadException(
                $"{path}: cannot be written: {reason}. Free the disk, allow writing, or name another cache folder.", e);
        }

        async ValueTask<bool> IsThereAsync() =>
            File.Exists(path) && (!VerifyCached || await WeightsHash.IsOfAsync(path, file, cancellation).ConfigureAwait(false));
    }

    /// <summary>
    /// Waits until no other thread or process holds the lock file, and holds it. The file is not deleted: a waiting process may have it
    /// open.
    /// </summary>
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
        string home = FolderOf(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsWindows()) return FolderOf(Environment.SpecialFolder.LocalApplicationData);
        // The XDG base directory specification says that a relative path must be ignored.
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg)) return xdg;
        return OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches") : Path.Combine(home, ".cache");

        static string FolderOf(Environment.SpecialFolder folder) =>
            Environment.GetFolderPath(folder, Environment.SpecialFolderOption.DoNotVerify);
    }
}
