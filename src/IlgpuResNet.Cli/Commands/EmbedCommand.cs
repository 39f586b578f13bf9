using System.CommandLine;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>embed</c>: reads images and writes their feature vectors, or any tensor inside the network.</summary>
internal static class EmbedCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var images = new ImageArguments();
        Option<string[]> output = OutputTarget.CreateOption("the features before the classifier, [N, features]");
        var command = new Command(
            "embed", "Writes the feature vectors of images, one row for each in the order given; stops at an image that cannot be read.")
        {
            output,
        };
        images.AddTo(command);
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        options.AddDeviceTo(command);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            string[] files = images.Files(result, console);
            OutputTarget[] targets = OutputTarget.ParseAll(result.GetValue(output)!, [.. files, options.Network(result)]);
            using Model model = options.Load(result, cancellation: cancellation);
            using var session = new InferenceSession(model, options.Device(result), options.Session(result) with
            {
                MaxBatch = Math.Min(options.Batch(result, model), files.Length),
                Outputs = [.. targets.Select(target => target.Tensor ?? FeaturesOf(model))],
            });
            foreach (string warning in session.Warnings) console.Warning(warning);
            var outputs = new OutputBuffers(session, files.Length);
            int done = 0;
            IAsyncEnumerable<LoadedImage> run = ImagePipeline.RunAsync(files, session.MaxBatch, session.Device, (batch, _) =>
            {
                if (outputs.Run(batch, done).FirstOrDefault(error => error is not null) is { } error) throw error;
                done += batch.Count;
                return Task.FromResult<LoadedImage[]>([.. batch]);
            }, images.Reading(result), cancellation);
            await console.ShowProgressAsync("embedding", files.Length, async progress =>
            {
                await foreach (LoadedImage _ in run) progress();
            });
            outputs.Save(targets, files);
        });
        return command;
    }

    /// <summary>Name of the features before a network's classifier.</summary>
    /// <exception cref="GraphException">The network has none.</exception>
    public static string FeaturesOf(Model model) => model.FeatureName ?? throw new GraphException(
        $"{model.Weights.Source}: it has no fully connected layer whose input are its features; name a tensor of it: --output NAME=FILE.");
}
