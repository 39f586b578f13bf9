using System.CommandLine;
using IlgpuResNet.Execution;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Models;
using IlgpuResNet.Weights;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>classify</c>: pictures in, labels out. A picture that cannot be read is reported and the others go on.</summary>
internal static class ClassifyCommand
{
    /// <summary>From this many pictures on, a progress bar is shown.</summary>
    private const int LongWork = 20;

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
        command.SetAction(async (result, cancellation) =>
        {
            string[] files = [.. result.GetValue(images)!.SelectMany(ImageFiles.Enumerate)];
            if (files.Length == 0) throw NoImages(result.GetValue(images)!);
            Dictionary<string, string>? targets = heatmaps.Targets(result, files);
            using Model model = options.Load(result, cancellation: cancellation);
            var decoding = new ReadAheadOptions { ApplyOrientation = !result.GetValue(ignoreOrientation) };
            int topK = result.GetValue(top);
            List<ClassifiedImage> results;
            if (targets is null)
            {
                using var classifier = new ImageClassifier(model, options.Device(result), new ClassifierOptions
                {
                    Batch = Math.Min(options.Batch(result), files.Length),
                    Threads = options.Threads(result),
                });
                foreach (string warning in classifier.Warnings) console.Warning(warning);
                results = await CollectAsync(console, classifier.ClassifyFilesAsync(files, topK, options: decoding, cancellation: cancellation), files.Length);
            }
            else
            {
                int? classIndex = heatmaps.Class(result, model);
                using var mapper = new ClassActivationMapper(model, options.Device(result), new SessionOptions { Threads = options.Threads(result) });
                foreach (string warning in mapper.Warnings) console.Warning(warning);
                results = await CollectAsync(console, HeatmapOptions.RunAsync(mapper, targets, classIndex, files, topK, decoding, cancellation), files.Length);
            }
            if (result.GetValue(json)) console.Output.WriteLine(ImageResult.ToJson([.. results.Select(ImageResult.Of)]));
            else WriteTable(console, results);
            foreach (ClassifiedImage failed in results.Where(image => image.Error is not null)) console.Error(failed.Error!.Message);
            if (results.Count < files.Length) console.Error($"cancelled after {results.Count} of {files.Length}");
            return results.Count < files.Length || results.Exists(image => image.Error is not null) ? Program.Failure : 0;
        });
        return command;
    }

    /// <summary>The error for places without pictures.</summary>
    public static ImageException NoImages(string[] places) => new(
        $"{string.Join(", ", places)}: there are no images here; expected files ending in {string.Join(", ", ImageFiles.Extensions)}; subfolders are not searched.");

    /// <summary>The results of all files, or of the first ones when cancelled.</summary>
    private static async Task<List<ClassifiedImage>> CollectAsync(ToolConsole console, IAsyncEnumerable<ClassifiedImage> images, int count)
    {
        var results = new List<ClassifiedImage>(count);
        try
        {
            if (console.IsInteractive && count >= LongWork)
            {
                await console.Ansi.Progress().AutoClear(true).StartAsync(context =>
                {
                    ProgressTask task = context.AddTask("classifying", maxValue: count);
                    return CollectAsync(() => task.Increment(1));
                });
            }
            else
            {
                await CollectAsync(() => { });
            }
        }
        catch (OperationCanceledException)
        {
            // What is done is worth showing; the caller sees that some are missing.
        }
        return results;

        async Task CollectAsync(Action progress)
        {
            await foreach (ClassifiedImage image in images)
            {
                results.Add(image);
                progress();
            }
        }
    }

    private static void WriteTable(ToolConsole console, List<ClassifiedImage> results)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("image", "label").AddColumn(new TableColumn("probability").RightAligned());
        foreach (ClassifiedImage image in results)
        {
            string name = Message.OneLine(image.Path);
            foreach (Prediction prediction in image.Predictions)
            {
                table.AddRow(Markup.Escape(name), Markup.Escape(Message.OneLine(prediction.Label)), ImageResult.Percent(prediction.Probability));
                name = "";
            }
        }
        if (table.Rows.Count > 0) console.Ansi.Write(table);
    }
}
