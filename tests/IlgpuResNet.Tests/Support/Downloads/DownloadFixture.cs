using System.Security.Cryptography;
using IlgpuResNet.Weights.Torch;

namespace IlgpuResNet.Tests.Downloads;

/// <summary>
/// A small network's file that a server may have, and an empty cache. After each test the cache holds the right file or none.
/// </summary>
public abstract class DownloadFixture
{
    /// <summary>Longer than any answer takes that is not meant to stall.</summary>
    private protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly ResNetConfig Tiny = ResNetConfig.ResNet18 with { Name = "tiny", StemWidth = 4, BaseWidth = 4, NumClasses = 10 };

    /// <summary>The file, some 100 KB.</summary>
    private protected static byte[] Content { get; } = MakeContent();

    /// <summary>The published weights whose file it is.</summary>
    private protected static ResNetWeights Weights { get; } =
        new(Tiny, "TEST", Convert.ToHexStringLower(SHA256.HashData(Content))[..8], ImagePreset.ImageNet1KV2, 0, 0);

    /// <summary>A file of the same length with one bit turned.</summary>
    private protected static byte[] Damaged { get; } = [.. Content[..^1], (byte)(Content[^1] ^ 1)];

    private protected string Folder { get; private set; } = "";

    private protected string Part => $"{Cached}.part";

    private protected string Cached => Path.Combine(Folder, Weights.FileName);

    [TestInitialize]
    public void MakeFolder() => Folder = Directory.CreateTempSubdirectory("ilgpu-resnet-tests-").FullName;

    [TestCleanup]
    public void CheckAndDeleteFolder()
    {
        bool isGood = !File.Exists(Cached) || File.ReadAllBytes(Cached).AsSpan().SequenceEqual(Content);
        Directory.Delete(Folder, recursive: true);
        Assert.IsTrue(isGood, "The cache holds a file that is not what its name says.");
    }

    /// <summary>A cache that goes to a server and loses no time on faults.</summary>
    private protected WeightsCache CacheOf(FaultyServer server) => new()
    {
        Folder = Folder,
        Mirror = server.Url,
        StallTimeout = Patience,
        RetryDelay = TimeSpan.FromMilliseconds(1),
    };

    private protected async Task AssertDownloads(FaultyServer server)
    {
        Assert.AreEqual(Cached, await CacheOf(server).GetAsync(Weights));
        CollectionAssert.AreEqual(Content, await File.ReadAllBytesAsync(Cached));
        Assert.IsFalse(File.Exists(Part));
    }

    private protected async Task AssertFails(FaultyServer server, string message)
    {
        DownloadException error = await Assert.ThrowsExactlyAsync<DownloadException>(() => CacheOf(server).GetAsync(Weights));
        StringAssert.StartsWith(error.Message, $"{server.Url}{Weights.FileName}: ");
        StringAssert.Contains(error.Message, message);
        Assert.DoesNotContain("\n", error.Message);
        Assert.IsFalse(File.Exists(Cached));
    }

    private static byte[] MakeContent()
    {
        string path = Path.GetTempFileName();
        try
        {
            using ResNet model = ResNet.Create(Tiny, 5);
            TorchZipWriter.Write(model.Weights, path);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
