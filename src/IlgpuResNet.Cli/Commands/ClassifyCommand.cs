using System.CommandLine;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>classify</c>: reads images and writes labels. An image that cannot be read is reported, and the others go on.</summary>
internal static class ClassifyCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var heatmaps = new HeatmapOptions();
        var images = new ImageArguments();
        var top = new Option<int>("--top", "-k") { Description = "Answers per image.", DefaultValueFactory = _ => 1, HelpName = "K" };
        top.RequireWholeNumber(1, 1000);
        var json = new Option<bool>("--json") { Description = "Writes a JSON array instead of a table." };
        var ignoreOrientation = new Option<bool>("--ignore-orientation")
        {
            Description = "Takes pixels as stored instead of turning the image as its EXIF data says.",
        };
        var command = new Command("classify", "Names what images show.") { top, json, ignoreOrientation };
        images.AddTo(command);
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        options.AddLabelsTo(command);
        options.AddDeviceTo(command);
        heatmaps.AddTo(command);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            string[] files = images.Files(result, console);
            Dictionary<string, string>? targets = heatmaps.Targets(result, files);
            using Model model = options.Load(result, cancellation: cancellation);
            var decoding = images.Reading(result) with { ApplyOrientation = !result.GetValue(ignoreOrientation) };
            int topK = result.GetValue(top);
            List<ClassifiedImage> results;
            ResNetException? failure;
            if (targets is null)
            {
                using var classifier = new ImageClassifier(model, options.Device(result), new ClassifierOptions
                {
                    Batch = Math.Min(options.Batch(result, model), files.Length),
                    Threads = options.Threads(result),
                    MemoryLimit = options.MemoryLimit(result),
                });
                foreach (string warning in classifier.Warnings) console.Warning(warning);
                IAsyncEnumerable<ClassifiedImage> answers = classifier.ClassifyFilesAsync(
                    files, topK, options: decoding, cancellation: cancellation);
                (results, failure) = await CollectAsync(console, answers, files.Length);
            }
            else
            {
                using var mapper = new ClassActivationMapper(model, options.Device(result), options.Session(result));
                foreach (string warning in mapper.Warnings) console.Warning(warning);
                int? classIndex = heatmaps.Class(result, model);
                IAsyncEnumerable<ClassifiedImage> answers = HeatmapOptions.RunAsync(
                    mapper, targets, classIndex, files, topK, decoding, cancellation);
                (results, failure) = await CollectAsync(console, answers, files.Length);
            }
            if (result.GetValue(json)) console.Output.WriteLine(ImageResult.ToJson([.. results.Select(ImageResult.Of)]));
            else WriteTable(console, results);
            foreach (ClassifiedImage failed in results.Where(image => image.Error is not null)) console.Error(failed.Error!.Message);
            if (failure is not null) console.Error(failure.Message);
            if (results.Count < files.Length)
                console.Error($"{(failure is null ? "cancelled" : "stopped")} after {results.Count} of {files.Length}");
            return results.Count < files.Length || results.Exists(image => image.Error is not null) ? Program.Failure : 0;
        });
        return command;
    }

    /// <summary>
    /// The results of all files, or of the first ones after a cancellation or a failure of the device: they are worth showing.
    /// </summary>
    private static async Task<(List<ClassifiedImage> Results, ResNetException? Failure)> CollectAsync(
        ToolConsole console, IAsyncEnumerable<ClassifiedImage> images, int count)
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
        Table table = new Table().Border(TableBorder.Simple)
            .AddColumns("image", "label")
            .AddColumn(new TableColumn("probability").RightAligned());
        foreach (ClassifiedImage image in results)
        {
            string name = TerminalText.OneLine(image.Path);
            foreach (Prediction prediction in image.Predictions)
            {
                string label = TerminalText.Short(prediction.Label);
                table.AddRow(Markup.Escape(name), Markup.Escape(label), ImageResult.Percent(prediction.Probability));
                name = "";
            }
        }
        if (table.Rows.Count > 0) console.Ansi.Write(table);
    }
}
