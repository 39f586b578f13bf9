using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;

namespace IlgpuResNet.Cli;

/// <summary>
/// The options of <c>classify</c> for heat maps, which show class activation maps: where they are written, and of which class they are.
/// </summary>
internal sealed class HeatmapOptions
{
    private const string Extension = ".png";
    private const string Suffix = "-heatmap" + Extension;

    private readonly Option<string?> heatmap = new("--heatmap")
    {
        Description = "Writes heat maps, which show where the network saw the class, with a legend: "
            + "a .png file, or a folder with NAME-heatmap.png for each image.",
        HelpName = "OUT.png|FOLDER",
    };

    private readonly Option<string?> className = new("--class")
    {
        Description = "The class of --heatmap, by name or index. Default: each image's most probable.",
        HelpName = "NAME|INDEX",
    };

    public void AddTo(Command command)
    {
        heatmap.RequirePath();
        command.Add(heatmap);
        command.Add(className);
        command.Validators.Add(result =>
        {
            if (result.GetResult(className) is not null && result.GetResult(heatmap) is null)
                result.AddError($"{className.Name} chooses what {heatmap.Name} shows; give that too");
        });
    }

    /// <summary>The heat map to write for each file; null when none is wanted.</summary>
    /// <exception cref="ResNetException">
    /// Two heat maps would have one name, an image would be overwritten, or the place cannot hold them.
    /// </exception>
    public Dictionary<string, string>? Targets(ParseResult result, IReadOnlyCollection<string> files)
    {
        if (result.GetValue(heatmap) is not { } place) return null;
        bool isFile = Path.GetExtension(place).Equals(Extension, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(place);
        if (isFile && files.Count > 1)
            throw new ResNetException($"{place}: {files.Count} images need a folder, but this is one file; give {heatmap.Name} a folder.");
        if (!isFile && Path.HasExtension(place) && !Directory.Exists(place) && !Path.EndsInDirectorySeparator(place))
            throw new ResNetException($"{place}: heat maps are written as {Extension}; give {heatmap.Name} such a file, or a folder.");
        if (isFile) OutputFile.Check(place, "the heat map");
        var targets = new Dictionary<string, string>(StringComparer.Ordinal);
        var taken = files.Where(File.Exists).Select(OutputFile.Resolve).ToHashSet(StringComparer.Ordinal);
        foreach (string file in files.Distinct(StringComparer.Ordinal))
        {
            string target = isFile ? place : Path.Combine(place, Path.GetFileNameWithoutExtension(file) + Suffix);
            if (!taken.Add(OutputFile.Resolve(target)))
            {
                throw new ResNetException(
                    $"{target}: the heat map of {file} would be written over another image; "
                    + $"give {heatmap.Name} another folder, or run the images apart.");
            }
            targets.Add(file, target);
        }
        if (!isFile) CreateFolder(place);
        return targets;
    }

    /// <summary>The class asked for, or null for the most probable one of each image.</summary>
    /// <exception cref="ResNetException">The network, a classifier, has no such class, or several of that name.</exception>
    public int? Class(ParseResult result, Model model)
    {
        if (result.GetValue(className) is not { } text) return null;
        ImmutableArray<string> names = model.ClassNames;
        int[] found = [.. Enumerable.Range(0, names.Length).Where(i => names[i].Equals(text, StringComparison.OrdinalIgnoreCase))];
        string source = model.Weights.Source;
        if (found.Length > 1)
        {
            string indices = string.Join(" and ", found);
            throw new ResNetException(
                $"{source}: classes {indices} are called '{TerminalText.Short(text)}'; give {className.Name} the index.");
        }
        if (found is [var only]) return only;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < names.Length) return index;
        throw new ResNetException(
            $"{source}: has no class '{TerminalText.Short(text)}'; give {className.Name} an index from 0 to {names.Length - 1}, "
            + $"or a name, such as '{TerminalText.Short(names[0])}'.");
    }

    /// <summary>
    /// The answers for each file in its order, after its heat map was written. A file that cannot be read or prepared, or whose heat map
    /// cannot be written, has its error instead.
    /// </summary>
    public static IAsyncEnumerable<ClassifiedImage> RunAsync(
        ClassActivationMapper mapper,
        IReadOnlyDictionary<string, string> targets,
        int? classIndex,
        IReadOnlyList<string> files,
        int topK,
        ReadAheadOptions decoding,
        CancellationToken cancellation)
    {
        ClassActivations activations = mapper.CreateActivations();
        return ImagePipeline.RunAsync(
            files, 1, mapper.Device, (batch, _) => Task.FromResult<ClassifiedImage[]>([.. batch.Select(Draw)]), decoding, cancellation);

        ClassifiedImage Draw(LoadedImage file)
        {
            if (file.Image is not { } image) return new ClassifiedImage(file.Path, [], file.Error);
            try
            {
                mapper.Run(image, activations);
                ClassActivationMap map = classIndex is { } index ? activations.Map(index) : activations.Map();
                ImageFile.SavePng(HeatmapFigure.Draw(map, image), targets[file.Path]);
            }
            catch (ImageException e)
            {
                return new ClassifiedImage(file.Path, [], new ImageException($"{file.Path}: {e.Message}", e));
            }
            return new ClassifiedImage(file.Path, activations.Predictions(topK), null);
        }
    }

    private static void CreateFolder(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ResNetException($"{path}: the folder cannot be made: {e.Message}", e);
        }
    }
}
