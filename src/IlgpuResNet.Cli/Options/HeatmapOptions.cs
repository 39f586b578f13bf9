using System.Collections.Immutable;
using System.CommandLine;
using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Cli;

/// <summary>The options of <c>classify</c> for class activation maps: where the pictures go, and of which class they are.</summary>
internal sealed class HeatmapOptions
{
    private const string Extension = ".png";
    private const string Suffix = "-heatmap" + Extension;

    private readonly Option<string?> heatmap = new("--heatmap")
    {
        Description = "Writes where the network saw the class, over the picture with a legend: a .png file, or a folder with NAME-heatmap.png for each picture.",
        HelpName = "OUT.png|FOLDER",
    };

    private readonly Option<string?> className = new("--class") { Description = "The class of --heatmap, by name or index. Default: each picture's most probable.", HelpName = "NAME|INDEX" };

    public void AddTo(Command command)
    {
        heatmap.RequirePath();
        command.Add(heatmap);
        command.Add(className);
        command.Validators.Add(result =>
        {
            if (result.GetResult(className) is not null && result.GetResult(heatmap) is null) result.AddError($"{className.Name} chooses what {heatmap.Name} shows; give that too");
        });
    }

    /// <summary>The picture to write for each file; null when none is wanted.</summary>
    /// <exception cref="ResNetException">Two files would have one, a file itself would be overwritten, or the place cannot hold them.</exception>
    public Dictionary<string, string>? Targets(ParseResult result, IReadOnlyCollection<string> files)
    {
        if (result.GetValue(heatmap) is not { } place) return null;
        bool isFile = Path.GetExtension(place).Equals(Extension, StringComparison.OrdinalIgnoreCase) && !Directory.Exists(place);
        if (isFile && files.Count > 1)
            throw new ResNetException($"{place}: {files.Count} pictures need a folder, but this is one file; give {heatmap.Name} a folder.");
        if (!isFile && Path.HasExtension(place) && !Directory.Exists(place) && !Path.EndsInDirectorySeparator(place))
            throw new ResNetException($"{place}: heat maps are written as {Extension}; give {heatmap.Name} such a file, or a folder.");
        if (isFile) OutputFile.Check(place, "the picture");
        var targets = new Dictionary<string, string>(StringComparer.Ordinal);
        var taken = files.Where(File.Exists).Select(InputFile.Resolve).ToHashSet(StringComparer.Ordinal);
        foreach (string file in files.Distinct(StringComparer.Ordinal))
        {
            string target = isFile ? place : Path.Combine(place, Path.GetFileNameWithoutExtension(file) + Suffix);
            if (!taken.Add(InputFile.Resolve(target)))
                throw new ResNetException($"{target}: the heat map of {file} would be written over another picture; give {heatmap.Name} another folder, or run the pictures apart.");
            targets.Add(file, target);
        }
        if (!isFile) CreateFolder(place);
        return targets;
    }

    /// <summary>The class asked for, or null for each picture's own.</summary>
    /// <exception cref="ResNetException">The network, a classifier, has no such class, or several of that name.</exception>
    public int? Class(ParseResult result, Model model)
    {
        if (result.GetValue(className) is not { } text) return null;
        ImmutableArray<string> names = model.ClassNames;
        int[] found = [.. Enumerable.Range(0, names.Length).Where(i => names[i].Equals(text, StringComparison.OrdinalIgnoreCase))];
        if (found.Length > 1) throw new ResNetException($"{model.Weights.Source}: classes {string.Join(" and ", found)} are called '{FileText.Clean(text)}'; give {className.Name} the index.");
        if (found is [var only]) return only;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < names.Length
            ? index
            : throw new ResNetException($"{model.Weights.Source}: has no class '{FileText.Clean(text)}'; give {className.Name} an index from 0 to {names.Length - 1}, or a name, such as '{FileText.Clean(names[0])}'.");
    }

    /// <summary>The answers for each file in its order, after its picture was written. A file that cannot be read or prepared, or whose picture cannot be written, has its error instead.</summary>
    public static IAsyncEnumerable<ClassifiedImage> RunAsync(
        ClassActivationMapper mapper, IReadOnlyDictionary<string, string> targets, int? classIndex, IReadOnlyList<string> files, int topK, ReadAheadOptions decoding, CancellationToken cancellation)
    {
        ClassActivations activations = mapper.CreateActivations();
        var pipeline = new FilePipeline<ClassifiedImage>(
            1, decoding, (batch, _) => Task.FromResult<ClassifiedImage[]>([.. batch.Select(Draw)]), onProcessor: !mapper.Device.IsGpu);
        return pipeline.RunAsync(files, cancellation);

        ClassifiedImage Draw(DecodedFile file)
        {
            if (file.Image is not { } photo) return new ClassifiedImage(file.Path, [], file.Error);
            try
            {
                mapper.Run(photo, activations);
                ImageFile.SavePng(HeatmapFigure.Draw(classIndex is { } index ? activations.Map(index) : activations.Map(), photo), targets[file.Path]);
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
            throw new ResNetException($"{path}: the folder cannot be made: {FileText.OneLine(e.Message)}", e);
        }
    }
}
