using System.CommandLine;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Cli.Similarity;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary>
/// <c>similar</c>: ranks the images of a folder by their likeness to a query image, the cosine of the angle between their features.
/// </summary>
internal static class SimilarCommand
{
    private const string IndexExtension = ".safetensors";
    private const int UsualAnswers = 10;
    private const int MostAnswers = 1_000_000;

    /// <summary>Names in any script stay readable: the output is a file or a terminal, never part of a web page.</summary>
    private static readonly SimilarImageContext Json = new(
        new JsonSerializerOptions(SimilarImageContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var images = new ImageArguments();
        var query = new Argument<string>("query") { Description = "Image file to compare with." };
        var folder = new Argument<string>("folder") { Description = "Folder of images." };
        query.RequirePaths();
        folder.RequirePaths();
        var top = new Option<int>("--top", "-k") { Description = "Answers.", DefaultValueFactory = _ => UsualAnswers, HelpName = "K" };
        top.RequireWholeNumber(1, MostAnswers);
        var json = new Option<bool>("--json") { Description = "Writes a JSON array instead of a table." };
        var index = new Option<string?>("--index")
        {
            Description = $"File that keeps the folder's features, {IndexExtension}. Default: one in the user's cache.",
            HelpName = "FILE",
        };
        index.Validators.Add(result =>
        {
            if (result.Tokens is not [.., { Value: var path }]) return;
            if (!Path.GetExtension(path).Equals(IndexExtension, StringComparison.OrdinalIgnoreCase))
                result.AddError($"{index.Name} must end in {IndexExtension}, but is '{path}'");
        });
        var command = new Command(
            "similar",
            "Ranks the images of a folder by cosine similarity to a query image. Keeps their features, so that the next query is quick.")
        {
            query, folder, top, json, index,
        };
        images.AddOptionsTo(command);
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        options.AddDeviceTo(command);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            string place = result.GetValue(folder)!;
            string[] files = images.Files(result, console, place);
            using Model model = options.Load(result, cancellation: cancellation);
            using var session = new InferenceSession(model, options.Device(result), options.Session(result) with
            {
                MaxBatch = Math.Min(options.Batch(result, model), files.Length),
                Outputs = [EmbedCommand.FeaturesOf(model)],
            });
            foreach (string warning in session.Warnings) console.Warning(warning);

            var embedder = new ImageEmbedder(session, images.Reading(result));
            float[] wanted = await FeaturesOfAsync(embedder, result.GetValue(query)!, cancellation);
            string network = model.Fingerprint();
            string path = result.GetValue(index) ?? FolderIndex.DefaultPath(place, network);
            List<(string Path, float[] Features)> rows = await FolderIndex.UpdateAsync(
                files, path, network, embedder, console, cancellation);
            if (rows.Count == 0) throw new ImageException($"{place}: none of its {files.Length} images could be read.");
            SimilarImage[] ranked =
            [
                .. rows.Select(image => new SimilarImage(image.Path, (float)Cosine.Of(wanted, image.Features)))
                    .OrderByDescending(image => image.Similarity)
                    .Take(result.GetValue(top)),
            ];
            string text = TerminalText.Json(JsonSerializer.Serialize(ranked, Json.SimilarImageArray));
            if (result.GetValue(json)) console.Output.WriteLine(text);
            else WriteTable(console, ranked);
        });
        return command;
    }

    private static async Task<float[]> FeaturesOfAsync(ImageEmbedder embedder, string file, CancellationToken cancellation)
    {
        await foreach (Embedding embedding in embedder.EmbedAsync([file], cancellation))
        {
            return embedding.Error is { } error ? throw error : embedding.Features;
        }
        throw new InvalidOperationException("One file gave no result.");
    }

    private static void WriteTable(ToolConsole console, SimilarImage[] ranked)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("image").AddColumn(new TableColumn("similarity").RightAligned());
        foreach (SimilarImage image in ranked)
        {
            string name = Markup.Escape(TerminalText.OneLine(image.Image));
            table.AddRow(name, image.Similarity.ToString("F4", CultureInfo.InvariantCulture));
        }
        console.Ansi.Write(table);
    }
}

/// <summary>An image and its similarity to the query: the cosine of the angle between the features.</summary>
internal sealed record SimilarImage(string Image, float Similarity);

/// <summary>JSON of the answers.</summary>
[JsonSerializable(typeof(SimilarImage[]))]
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(FiniteNumberConverter)])]
internal sealed partial class SimilarImageContext : JsonSerializerContext;
