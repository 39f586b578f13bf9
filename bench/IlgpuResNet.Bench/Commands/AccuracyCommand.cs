using System.CommandLine;
using System.Text.Json;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// <c>accuracy</c>: counts the images of a labelled set that a classifier gets right, beside another implementation's answers.
/// </summary>
internal static class AccuracyCommand
{
    private const int LargestBatch = 4096;

    public static Command Create()
    {
        var weights = new Option<string>("--weights") { Description = "Weights file.", Required = true };
        var images = new Option<string>("--images")
        {
            Description = "Images in IDX format, as MNIST has them; may be gzipped.",
            Required = true,
        };
        var labels = new Option<string>("--labels") { Description = "Their labels in IDX format.", Required = true };
        var expected = new Option<string?>("--expected")
        {
            Description = "JSON file whose \"predictions\" are the answers of another implementation, one digit per image.",
        };
        var device = new Option<string>("--device") { Description = "Device id.", DefaultValueFactory = _ => ComputeDevice.Default.Id };
        var batch = new Option<int>("--batch") { Description = "Images per run.", DefaultValueFactory = _ => 50 };
        var count = new Option<int>("--count") { Description = "Use the first images only.", DefaultValueFactory = _ => int.MaxValue };
        batch.RequireWholeNumber(1, LargestBatch);
        count.RequireWholeNumber(1, int.MaxValue);
        var command = new Command("accuracy", "Counts right answers on a labelled set of images.")
        {
            weights, images, labels, expected, device, batch, count,
        };
        command.SetAction(result =>
        {
            IdxFile items = IdxFile.Load(result.GetValue(images)!), truth = IdxFile.Load(result.GetValue(labels)!);
            if (items.Sizes.Length != 2)
            {
                throw new ResNetException(
                    $"{result.GetValue(images)}: expected images of two sizes, but its items have {items.Sizes.Length}.");
            }
            if (truth.Sizes.Length != 0)
            {
                throw new ResNetException(
                    $"{result.GetValue(labels)}: expected one label per image, but its items have {truth.Sizes.Length} sizes.");
            }
            using ResNet model = ResNet.Load(result.GetValue(weights)!);
            int total = Math.Min(result.GetValue(count), Math.Min(items.Count, truth.Count));
            string? others = result.GetValue(expected) is { } file ? Predictions(file, total) : null;
            using var session = new InferenceSession(
                model, ComputeDevice.Get(result.GetValue(device)!), new SessionOptions { MaxBatch = result.GetValue(batch) });
            int[] answers = Classify(session, items, total);
            int right = Enumerable.Range(0, total).Count(i => answers[i] == truth.Item(i).Span[0]);
            Console.WriteLine($"{session.Device.Id}: {right} of {total} right ({Figures.Text(100.0 * right / total, "F2")} %)");
            if (others is not null)
            {
                int othersRight = Enumerable.Range(0, total).Count(i => others[i] - '0' == truth.Item(i).Span[0]);
                int same = Enumerable.Range(0, total).Count(i => others[i] - '0' == answers[i]);
                string source = Path.GetFileName(result.GetValue(expected))!;
                Console.WriteLine($"{source}: {othersRight} of {total} right; the same answer on {same}");
            }
        });
        return command;
    }

    /// <summary>The other implementation's answers, at least <paramref name="total"/> digits.</summary>
    private static string Predictions(string path, int total)
    {
        try
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(path));
            string digits = json.RootElement.GetProperty("predictions").GetString() ?? "";
            return digits.Length >= total
                ? digits
                : throw new ResNetException($"{path}: has {digits.Length} predictions, but {total} are needed; use --count.");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new ResNetException($"{path}: expected a JSON object with a text \"predictions\", one digit per image.", e);
        }
    }

    private static int[] Classify(InferenceSession session, IdxFile items, int total)
    {
        int[] answers = new int[total];
        float[] logits = new float[session.MaxBatch * session.NumClasses];
        Span<int> best = stackalloc int[1];
        for (int done = 0; done < total; done += session.MaxBatch)
        {
            int batch = Math.Min(session.MaxBatch, total - done);
            var images = new PixelBuffer[batch];
            for (int i = 0; i < batch; i++)
                images[i] = new PixelBuffer(items.Item(done + i), items.Sizes[1], items.Sizes[0], PixelFormat.Gray8);
            session.Run(images, logits.AsSpan(0, batch * session.NumClasses));
            for (int i = 0; i < batch; i++)
            {
                TopK.Select(logits.AsSpan(i * session.NumClasses, session.NumClasses), best);
                answers[done + i] = best[0];
            }
        }
        return answers;
    }
}
