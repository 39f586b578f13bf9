using System.IO.Hashing;
using System.Text;

namespace IlgpuResNet.Cli.Similarity;

/// <summary>Brings the index of a folder up to date: only pictures that are new or changed are run.</summary>
internal static class FolderIndex
{
    /// <summary>Where the index of a folder is kept for this user: beside the downloaded weights, under a name made from the folder's path and the network.</summary>
    public static string DefaultPath(string folder, string network)
    {
        string key = $"{network} {Path.GetFullPath(folder).TrimEnd(Path.DirectorySeparatorChar)}";
        string name = Convert.ToHexStringLower(XxHash128.Hash(Encoding.UTF8.GetBytes(key)));
        return Path.Combine(Path.GetDirectoryName(WeightsCache.DefaultFolder)!, "similar", $"{name}.safetensors");
    }

    /// <summary>The features of all pictures that can be read, in the order of the files.</summary>
    /// <param name="files">The pictures of the folder.</param>
    /// <param name="path">The index's file, which is written when something has changed, also when the work is cancelled.</param>
    /// <param name="network">What the features depend on.</param>
    /// <param name="embedder">Runs what the index lacks.</param>
    /// <param name="console">Is told of pictures that cannot be read, and of an index that cannot be used or written.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <exception cref="ResNetException">The file holds something else, which is not written over.</exception>
    public static async Task<List<(string Path, float[] Features)>> UpdateAsync(
        IReadOnlyList<string> files, string path, string network, PictureEmbedder embedder, ToolConsole console, CancellationToken cancellation)
    {
        FeatureIndex index = Load(path, network, embedder.Length, console);
        // What a file is when its features are asked for is what they are kept under: a file that changes meanwhile is run again the next time.
        Dictionary<string, IndexedPicture> pictures = files.Where(File.Exists).ToDictionary(file => file, IndexedPicture.Of, StringComparer.Ordinal);
        bool changed = index.Keep(pictures.Values.ToHashSet());
        try
        {
            string[] missing = [.. pictures.Where(picture => index.Find(picture.Value) is null).Select(picture => picture.Key)];
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
                    index.Add(pictures[embedding.Path], embedding.Features);
                    changed = true;
                }
            });
        }
        finally
        {
            if (changed) Save(index, path, console);
        }
        return [.. files.Where(pictures.ContainsKey).Select(file => (file, index.Find(pictures[file]))).Where(row => row.Item2 is not null).Select(row => (row.file, row.Item2!))];
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
