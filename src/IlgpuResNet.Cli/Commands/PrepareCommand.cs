using System.CommandLine;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>prepare</c>: the tensor that a network gets to see of a picture, for comparison with torchvision's transforms.</summary>
internal static class PrepareCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var image = new Argument<string>("image") { Description = "Image file." };
        var output = new Option<string>("--output", "-o") { Description = "Where to write the tensor: float32 .npy of shape [1, 3, H, W].", Required = true, HelpName = "FILE" };
        var command = new Command("prepare", "Writes the tensor that a network gets to see of a picture.") { image, output };
        image.RequirePaths();
        output.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && !NpyArray.IsName(result.Tokens[^1].Value)) result.AddError($"{output.Name} writes {NpyArray.Extension} files, but has '{result.Tokens[^1].Value}'");
        });
        options.AddModelTo(command);
        options.AddPresetTo(command);
        options.AddDeviceTo(command);
        command.SetCancellableAction((result, cancellation) =>
        {
            string file = result.GetValue(image)!;
            OutputFile.Check(result.GetValue(output)!, "the array", file, options.Network(result));
            PixelBuffer picture = ImageFile.Load(file);
            using Model model = options.Load(result, cancellation: cancellation);
            using var session = new InferenceSession(model, options.Device(result), new SessionOptions { Threads = options.Threads(result) });
            foreach (string warning in session.Warnings) console.Warning(warning);
            int side = model.Preset.CropSize;
            float[] prepared = new float[session.Plan.Input.Shape.Count];
            try
            {
                session.Prepare(picture, prepared);
            }
            catch (ImageException e)
            {
                throw new ImageException($"{file}: {e.Message}", e);
            }
            new NpyArray([1, 3, side, side], prepared).Save(result.GetValue(output)!);
        });
        return command;
    }
}
