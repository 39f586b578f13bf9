using System.CommandLine;
using IlgpuResNet.Execution;
using IlgpuResNet.Imaging;
using IlgpuResNet.Models;

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
        // On a thread of its own, so that Ctrl-C finds a task to wait for.
        command.SetAction((result, cancellation) => Task.Run(
            () =>
            {
                string[] files = [.. result.GetValue(images)!.SelectMany(ImageFiles.Enumerate)];
                if (files.Length == 0) throw ClassifyCommand.NoImages(result.GetValue(images)!);
                OutputTarget[] targets = OutputTarget.ParseAll(result.GetValue(output)!, files);
                using Model model = options.Load(result, cancellation: cancellation);
                using var session = new InferenceSession(model, options.Device(result), new SessionOptions
                {
                    MaxBatch = Math.Min(options.Batch(result), files.Length),
                    Threads = options.Threads(result),
                    Outputs = [.. targets.Select(target => target.Tensor ?? model.FeatureName ?? throw NoFeatures(model))],
                });
                foreach (string warning in session.Warnings) console.Warning(warning);
                var outputs = new OutputBuffers(session, files.Length);
                for (int done = 0; done < files.Length; done += session.MaxBatch)
                {
                    cancellation.ThrowIfCancellationRequested();
                    PixelBuffer[] pictures = [.. files.Skip(done).Take(session.MaxBatch).Select(file => ImageFile.Load(file))];
                    session.Run(pictures, outputs.Of(done, pictures.Length));
                }
                outputs.Save(targets);
            },
            CancellationToken.None));
        return command;
    }

    private static GraphException NoFeatures(Model model) =>
        new($"{model.Weights.Source}: it has no fully connected layer whose input are its features; name a tensor of it: --output NAME=FILE.");
}
