using System.CommandLine;
using IlgpuResNet.Execution;
using IlgpuResNet.Models;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>run</c>: a tensor in, logits out, for comparison with other implementations.</summary>
internal static class RunCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions();
        var input = new Option<string>("--input", "-i") { Description = "Float32 .npy of shape [N, C, H, W], prepared as the weights want it.", Required = true, HelpName = "FILE" };
        var output = new Option<string>("--output", "-o") { Description = "Where to write the logits: float32 .npy of shape [N, classes].", Required = true, HelpName = "FILE" };
        var command = new Command("run", "Runs a network on a prepared tensor.") { input, output };
        input.RequirePath();
        output.RequirePath();
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddDeviceTo(command);
        command.SetAction(result =>
        {
            NpyArray images = NpyArray.Load(result.GetValue(input)!);
            if (images.Shape.Length != 4)
                throw new ResNetException($"{result.GetValue(input)}: the input must have the four sizes [N, C, H, W], but has {images.Shape.Length}. Add or remove dimensions.");
            using ResNet model = options.Load(result);
            if (images.Shape[1] != model.Config.InputChannels)
                throw new ResNetException($"{result.GetValue(input)}: the network takes {model.Config.InputChannels} channels, but the input has {images.Shape[1]}. Its order must be [N, C, H, W].");
            using var session = new InferenceSession(model, options.Device(result), new SessionOptions
            {
                MaxBatch = Math.Min(options.Batch(result), Math.Max(images.Shape[0], 1)),
                Height = images.Shape[2],
                Width = images.Shape[3],
            });
            foreach (string warning in session.Warnings) console.Warning(warning);

            int classes = session.NumClasses;
            if ((long)images.Shape[0] * classes > Array.MaxLength / sizeof(float))
                throw new ResNetException($"{result.GetValue(input)}: {images.Shape[0]} images of {classes} classes are too many logits for one array. Split the input.");
            float[] logits = new float[images.Shape[0] * classes];
            int imageLength = images.Shape[1] * images.Shape[2] * images.Shape[3];
            for (int done = 0; done < images.Shape[0]; done += session.MaxBatch)
            {
                int count = Math.Min(session.MaxBatch, images.Shape[0] - done);
                session.Run(images.Values.AsSpan(done * imageLength, count * imageLength), logits.AsSpan(done * classes, count * classes));
            }
            new NpyArray([images.Shape[0], classes], logits).Save(result.GetValue(output)!);
        });
        return command;
    }
}
