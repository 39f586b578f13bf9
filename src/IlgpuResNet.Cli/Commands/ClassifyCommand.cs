using System.CommandLine;
using IlgpuResNet.Execution;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Models;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>classify</c>: pictures in, labels out. A picture that cannot be read is reported and the others go on.</summary>
internal static class ClassifyCommand
{
    /// <summary>From this many pictures on, a progress bar is shown.</summary>
    private const int LongWork = 20;

    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions();
        var images = new Argument<string[]>("images") { Description = "Image files, or folders of them.", Arity = ArgumentArity.OneOrMore };
        images.Validators.Add(result =>
        {
            // The parser takes an unknown option for one more image.
            foreach (string option in result.Tokens.Select(token => token.Value).Where(value => value.StartsWith("--", StringComparison.Ordinal)))
                result.AddError($"there is no option '{option}'");
        });
        var top = new Option<int>("--top", "-k") { Description = "Answers per picture.", DefaultValueFactory = _ => 1, HelpName = "K" };
        top.RequireWholeNumber(1, 1000);
        var json = new Option<bool>("--json") { Description = "Writes a JSON array instead of a table." };
        var ignoreOrientation = new Option<bool>("--ignore-orientation") { Description = "Takes pixels as stored instead of turning the picture as its EXIF data says." };
        var command = new Command("classify", "Says what is in pictures.") { images, top, json, ignoreOrientation };
        options.AddTo(command);
        command.SetAction((result, cancellation) =>
        {
            string[] files = [.. result.GetValue(images)!.SelectMany(ImageFiles.Enumerate)];
            if (files.Length == 0) throw new ImageException($"{string.Join(", ", result.GetValue(images)!)}: there are no images here; expected files ending in {string.Join(", ", ImageFiles.Extensions)}.");
            using ResNet model = options.Load(result);
            using var session = new InferenceSession(model, options.Device(result), new SessionOptions { MaxBatch = Math.Min(options.Batch(result), files.Length) });
            foreach (string warning in session.Warnings) console.Warning(warning);

            var classifier = new FileClassifier(model, session, result.GetValue(top), applyOrientation: !result.GetValue(ignoreOrientation));
            List<ImageResult> results = Classify(console, classifier, files, cancellation);
            if (result.GetValue(json)) console.Output.WriteLine(ImageResult.ToJson(results));
            else WriteTable(console, results);
            foreach (ImageResult failed in results.Where(image => image.Error is not null)) console.Error(failed.Error!);
            return Task.FromResult(results.Exists(image => image.Error is not null) ? Program.Failure : 0);
        });
        return command;
    }

    private static List<ImageResult> Classify(ToolConsole console, FileClassifier classifier, string[] files, CancellationToken cancellation)
    {
        var results = new List<ImageResult>(files.Length);
        if (!console.IsInteractive || files.Length < LongWork)
        {
            classifier.Classify(files, results.Add, cancellation);
            return results;
        }
        console.Ansi.Progress().AutoClear(true).Start(context =>
        {
            ProgressTask task = context.AddTask("classifying", maxValue: files.Length);
            classifier.Classify(files, image =>
            {
                results.Add(image);
                task.Increment(1);
            }, cancellation);
        });
        return results;
    }

    private static void WriteTable(ToolConsole console, List<ImageResult> results)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumns("image", "label").AddColumn(new TableColumn("probability").RightAligned());
        foreach (ImageResult image in results)
        {
            string name = image.Image;
            foreach (Prediction prediction in image.Predictions)
            {
                table.AddRow(Markup.Escape(name), Markup.Escape(prediction.Label), ImageResult.Percent(prediction.Probability));
                name = "";
            }
        }
        if (table.Rows.Count > 0) console.Ansi.Write(table);
    }
}
