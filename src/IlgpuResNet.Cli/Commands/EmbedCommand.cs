using System.CommandLine;
using IlgpuResNet.Imaging;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>embed</c>: pictures in, feature vectors out, or any tensor inside the network.</summary>
internal static class EmbedCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var images = new Argument<string[]>("images") { Description = "Image files, or folders of them.", Arity = ArgumentArity.OneOrMore };
        images.RequirePaths();
        Option<string[]> output = OutputTarget.CreateOption("the features before the classifier, [N, features]");
        var command = new Command("embed", "Writes the feature vectors of pictures, one row for each in the order given; stops at a picture that cannot be read.") { images, output };
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddPresetTo(command);
        options.AddDeviceTo(command);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            string[] files = [.. result.GetValue(images)!.SelectMany(ImageFiles.Enumerate)];
            if (files.Length == 0) throw ClassifyCommand.NoImages(result.GetValue(images)!);
            OutputTarget[] targets = OutputTarget.ParseAll(result.GetValue(output)!, [.. files, options.Network(result)]);
            using Model model = options.Load(result, cancellation: cancellation);
            using var session = new InferenceSession(model, options.Device(result), new SessionOptions
            {
                MaxBatch = Math.Min(options.Batch(result, model), files.Length),
                Threads = options.Threads(result),
                Outputs = [.. targets.Select(target => target.Tensor ?? FeaturesOf(model))],
            });
            foreach (string warning in session.Warnings) console.Warning(warning);
            var outputs = new OutputBuffers(session, files.Length);
            int done = 0;
            var pipeline = new FilePipeline<DecodedFile>(session.MaxBatch, new ReadAheadOptions(), (batch, _) =>
            {
                Run(session, batch, outputs, done);
                done += batch.Count;
                return Task.FromResult<DecodedFile[]>([.. batch]);
            }, onProcessor: !session.Device.IsGpu);
            await console.ShowProgressAsync("embedding", files.Length, async progress =>
            {
                await foreach (DecodedFile _ in pipeline.RunAsync(files, cancellation)) progress();
            });
            outputs.Save(targets, files);
        });
        return command;
    }

    /// <summary>Runs some pictures.</summary>
    /// <exception cref="ImageException">One cannot be read or prepared; the message names it.</exception>
    private static void Run(InferenceSession session, IReadOnlyList<DecodedFile> files, OutputBuffers outputs, int done)
    {
        PixelBuffer[] pictures = [.. files.Select(file => file.Image ?? throw file.Error!)];
        try
        {
            session.Run(pictures, outputs.Of(done, pictures.Length));
        }
        catch (ImageException e) when (files is [var only])
        {
            throw new ImageException($"{only.Path}: {e.Message}", e);
        }
        catch (ImageException)
        {
            // Each alone shows which it is.
            for (int i = 0; i < files.Count; i++) Run(session, [files[i]], outputs, done + i);
        }
    }

    /// <summary>Name of the features before a network's classifier.</summary>
    /// <exception cref="GraphException">The network has none.</exception>
    public static string FeaturesOf(Model model) => model.FeatureName
        ?? throw new GraphException($"{model.Weights.Source}: it has no fully connected layer whose input are its features; name a tensor of it: --output NAME=FILE.");
}
