using System.CommandLine;
using IlgpuResNet.Files;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>classify</c>: pictures in, labels out. A picture that cannot be read is reported and the others go on.</summary>
internal static class ClassifyCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var heatmaps = new HeatmapOptions();
        var images = new Argument<string[]>("images") { Description = "Image files, or folders of them.", Arity = ArgumentArity.OneOrMore };
        images.RequirePaths();
        var top = new Option<int>("--top", "-k") { Description = "Answers per picture.", DefaultValueFactory = _ => 1, HelpName = "K" };
        top.RequireWholeNumber(1, 1000);
        var json = new Option<bool>("--json") { Description = "Writes a JSON array instead of a table." };
        var ignoreOrientation = new Option<bool>("--ignore-orientation") { Description = "Takes pixels as stored instead of turning the picture as its EXIF data says." };
        var command = new Command("classify", "Says what is in pictures.") { images, top, json, ignoreOrientation };
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        options.AddLabelsTo(command);
        options.AddDeviceTo(command);
        heatmaps.AddTo(command);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            string[] files = [.. result.GetValue(images)!.SelectMany(ImageFiles.Enumerate)];
            if (files.Length == 0) throw NoImages(result.GetValue(images)!);
            Dictionary<string, string>? targets = heatmaps.Targets(result, files);
            using Model model = options.Load(result, cancellation: cancellation);
            var decoding = new ReadAheadOptions { ApplyOrientation = !result.GetValue(ignoreOrientation) };
            int topK = result.GetValue(top);
            List<ClassifiedImage> results;
            ResNetException? failure;
            if (targets is null)
            {
                using var classifier = new ImageClassifier(model, options.Device(result), new ClassifierOptions
                {
                    Batch = Math.Min(options.Batch(result, model), files.Length),
                    Threads = options.Threads(result),
                });
                foreach (string warning in classifier.Warnings) console.Warning(warning);
                (results, failure) = await CollectAsync(console, classifier.ClassifyFilesAsync(files, topK, options: decoding, cancellation: cancellation), files.Length);
            }
            else
            {
                using var mapper = new ClassActivationMapper(model, options.Device(result), new SessionOptions { Threads = options.Threads(result) });
                foreach (string warning in mapper.Warnings) console.Warning(warning);
                (results, failure) = await CollectAsync(console, HeatmapOptions.RunAsync(mapper, targets, heatmaps.Class(result, model), files, topK, decoding, cancellation), files.Length);
            }
            if (result.GetValue(json)) console.Output.WriteLine(ImageResult.ToJson([.. results.Select(ImageResult.Of)]));
            else WriteTable(console, results);
            foreach (ClassifiedImage failed in results.Where(image => image.Error is not null)) console.Error(failed.Error!.Message);
            if (failure is not null) console.Error(failure.Message);
            if (results.Count < files.Length) console.Error($"{(failure is null ? "cancelled" : "stopped")} after {results.Count} of {files.Length}");
            return results.Count < files.Length || results.Exists(image => image.Error is not null) ? Program.Failure : 0;
        });
        return command;
    }

    /// <summary>The error for places without pictures.</summary>
    public static ImageException NoImages(string[] places) => new(
        $"{string.Join(", ", places)}: there are no images here; expected files ending in {string.Join(", ", ImageFiles.Extensions)}; subfolders are not searched.");

    /// <summary>The results of all files, or of the first ones when cancelled or when the device failed: what is done is worth showing.</summary>
    private static async Task<(List<ClassifiedImage> Results, ResNetException? Failure)> CollectAsync(ToolConsole console, IAsyncEnumerable<ClassifiedImage> images, int count)
    {
        var results = new List<ClassifiedImage>(count);
        try
        {
            await console.ShowProgressAsync("classifying", count, async progress =>
            {
                await foreach (ClassifiedImage image in images)
                {
                    results.Add(image);
                    progress();
                }
            });
        }
        catch (OperationCanceledException)
        {
            // The caller sees that some are missing.
        }
        catch (ResNetException e) when (results.Count > 0)
        {
            return (results, e);
        }
        return (results, null);
    }

    private static void WriteTable(ToolConsole console, List<ClassifiedImage> results)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("image", "label").AddColumn(new TableColumn("probability").RightAligned());
        foreach (ClassifiedImage image in results)
        {
            string name = FileText.OneLine(image.Path);
            foreach (Prediction prediction in image.Predictions)
            {
                table.AddRow(Markup.Escape(name), Markup.Escape(FileText.OneLine(prediction.Label)), ImageResult.Percent(prediction.Probability));
                name = "";
            }
        }
        if (table.Rows.Count > 0) console.Ansi.Write(table);
    }
}
