using System.IO.Hashing;
using System.Text;

namespace IlgpuResNet.Cli.Similarity;

/// <summary>Brings the index of a folder up to date: only images that are new or changed are run.</summary>
internal static class FolderIndex
{
    /// <summary>
    /// The file of a folder's index for this user: beside the downloaded weights, under a name made from the folder's path and the network.
    /// </summary>
    /// <param name="folder">The folder of images.</param>
    /// <param name="network">The network's <see cref="Model.Fingerprint"/>.</param>
    public static string DefaultPath(string folder, string network)
    {
        string key = $"{network} {Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar)}";
        string name = Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(key)));
        return Path.Combine(Path.GetDirectoryName(WeightsCache.DefaultFolder)!, "similar", $"{name}.safetensors");
    }

    /// <summary>The features of all images that can be read, in the order of the files.</summary>
    /// <param name="files">The image files of the folder.</param>
    /// <param name="path">The index's file; written when something has changed, also after a cancellation.</param>
    /// <param name="network">The network's <see cref="Model.Fingerprint"/>.</param>
    /// <param name="embedder">Runs the images that the index lacks.</param>
    /// <param name="console">Receives warnings of images that cannot be read, and of an index that cannot be used or written.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="ResNetException">The file holds something else, which must not be overwritten.</exception>
    public static async Task<List<(string Path, float[] Features)>> UpdateAsync(
        IReadOnlyList<string> files,
        string path,
        string network,
        ImageEmbedder embedder,
        ToolConsole console,
        CancellationToken cancellation)
    {
        FeatureIndex index = Load(path, network, embedder.Length, console);
        // Features are kept under the identity that the file had before it was read: a file that changes meanwhile is run again the next
        // time.
        Dictionary<string, IndexedImage> images = files.Where(File.Exists)
            .ToDictionary(file => file, IndexedImage.Of, StringComparer.Ordinal);
        bool changed = index.Keep(images.Values.ToHashSet());
        try
        {
            string[] missing = [.. images.Where(image => index.Find(image.Value) is null).Select(image => image.Key)];
            await console.ShowProgressAsync("embedding", missing.Length, async progress =>
            {
                await foreach (Embedding embedding in embedder.EmbedAsync(missing, cancellation))
                {
                    progress();
                    if (embedding.Error is { } error)
                    {
                        console.Warning(error.Message);
                        continue;
                    }
                    index.Add(images[embedding.Path], embedding.Features);
                    changed = true;
                }
            });
        }
        finally
        {
            if (changed) Save(index, path, console);
        }
        var rows = new List<(string Path, float[] Features)>(images.Count);
        foreach (string file in files)
        {
            if (images.TryGetValue(file, out IndexedImage? image) && index.Find(image) is { } features) rows.Add((file, features));
        }
        return rows;
    }

    private static FeatureIndex Load(string path, string network, int length, ToolConsole console)
    {
        try
        {
            return FeatureIndex.Load(path, network, length);
        }
        catch (WeightsException e)
        {
            console.Warning($"the index is made anew: {e.Message}");
            return FeatureIndex.Empty(network);
        }
    }

    private static void Save(FeatureIndex index, string path, ToolConsole console)
    {
        try
        {
            index.Save(path);
        }
        catch (ResNetException e)
        {
            console.Warning($"the index is not kept: {e.Message}");
        }
    }
}
