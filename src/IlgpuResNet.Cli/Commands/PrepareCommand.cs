using System.CommandLine;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>prepare</c>: writes the input tensor that an image becomes, for comparison with torchvision's transforms.</summary>
internal static class PrepareCommand
{
    private const string Extension = ".npy";

    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var images = new ImageArguments();
        var image = new Argument<string>("image") { Description = "Image file, or - for the standard input." };
        var output = new Option<string>("--output", "-o")
        {
            Description = $"Where to write the tensor: float32 {Extension} of shape [1, 3, H, W].",
            Required = true,
            HelpName = "FILE",
        };
        var command = new Command("prepare", "Writes the input tensor that an image becomes.") { image, output };
        image.RequirePaths();
        output.RequirePath();
        output.RequireExtension("writes", Extension);
        images.AddTruncatedTo(command);
        options.AddModelTo(command);
        options.AddPresetTo(command);
        options.AddDeviceTo(command);
        command.SetCancellableAction((result, cancellation) =>
        {
            string file = result.GetValue(image)!;
            OutputFile.Check(result.GetValue(output)!, "the array", file, options.Network(result));
            PixelBuffer pixels = images.Load(result, file);
            using Model model = options.Load(result, cancellation: cancellation);
            using var session = new InferenceSession(model, options.Device(result), options.Session(result));
            foreach (string warning in session.Warnings) console.Warning(warning);
            (int height, int width) = (model.Preset.CropSize, model.Preset.CropWidth ?? model.Preset.CropSize);
            float[] prepared = new float[session.Plan.Input.Shape.Count];
            try
            {
                session.Prepare(pixels, prepared);
            }
            catch (ImageException e)
            {
                throw new ImageException($"{file}: {e.Message}", e);
            }
            TensorFile.Save(result.GetValue(output)!, "image", [1, 3, height, width], prepared);
        });
        return command;
    }
}
