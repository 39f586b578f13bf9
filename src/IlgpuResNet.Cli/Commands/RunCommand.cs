using System.Collections.Immutable;
using System.CommandLine;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>run</c>: reads an input tensor and writes output tensors, for comparison with other implementations.</summary>
internal static class RunCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var file = new Argument<string?>("model")
        {
            Description = $"{ModelOptions.WeightsHelp} Means the same as --weights.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var input = new Option<string>("--input", "-i")
        {
            Description = "Float32 .npy, or a tensor of ONNX (.pb): [N, C, H, W], prepared as the weights need it, "
                + "or any shape that the network takes.",
            Required = true,
            HelpName = "FILE",
        };
        Option<string[]> output = OutputTarget.CreateOption("the result, such as [N, classes]");
        var command = new Command("run", "Runs a network on a prepared tensor.") { file, input, output };
        input.RequirePath();
        file.RequirePaths();
        options.AddModelTo(command);
        options.AddBatchTo(command);
        options.AddDeviceTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetValue(file) is not null && options.GivenForWeights(result).Contains("--weights"))
                result.AddError("the network is named twice, as an argument and by --weights; leave one out");
        });
        command.SetCancellableAction((result, cancellation) =>
        {
            string path = result.GetValue(input)!;
            OutputTarget[] targets = OutputTarget.ParseAll(result.GetValue(output)!, path, options.Network(result, result.GetValue(file)));
            (ImmutableArray<int> shape, float[] values) = TensorFile.Load(path);
            using Model model = options.Load(result, result.GetValue(file), cancellation: cancellation);
            using InferenceSession session = Open(model, shape, targets, path, options, result);
            foreach (string warning in session.Warnings) console.Warning(warning);

            int count = CountOf(session, shape, path);
            var outputs = new OutputBuffers(session, count);
            for (int done = 0; done < count; done += session.MaxBatch)
            {
                cancellation.ThrowIfCancellationRequested();
                int images = Math.Min(session.MaxBatch, count - done);
                session.Run(values.AsSpan(done * session.Input.Length, images * session.Input.Length), outputs.Of(done, images));
            }
            outputs.Save(targets);
        });
        return command;
    }

    /// <summary>A session for inputs of the given size whose outputs are the tensors to write.</summary>
    private static InferenceSession Open(
        Model model, ImmutableArray<int> shape, OutputTarget[] targets, string path, ModelOptions options, ParseResult result)
    {
        if (model is ResNet resNet)
        {
            if (shape.Length != 4)
            {
                throw new ResNetException(
                    $"{path}: the input must have the four sizes [N, C, H, W], but has {shape.Length}. Add or remove dimensions.");
            }
            int channels = resNet.Config.InputChannels;
            if (shape[1] != channels)
            {
                throw new ResNetException(
                    $"{path}: the network takes {channels} channels, but the input has {shape[1]}. Its order must be [N, C, H, W].");
            }
        }
        (int? height, int? width) = model.SizeOf(shape.AsSpan());
        return new InferenceSession(model, options.Device(result), options.Session(result) with
        {
            MaxBatch = Math.Min(options.Batch(result, model), Math.Max(shape is [var n, ..] ? n : 1, 1)),
            Height = height,
            Width = width,
            Outputs = [.. targets.Select(target => target.Tensor ?? model.OutputNames[0])],
        });
    }

    /// <summary>Number of images in the input.</summary>
    /// <exception cref="ResNetException">The session does not take such a shape.</exception>
    private static int CountOf(InferenceSession session, ImmutableArray<int> shape, string path)
    {
        TensorInfo input = session.Input;
        bool fits = input.HasBatch ? shape is [_, .. var image] && image.SequenceEqual(input.Shape) : shape.SequenceEqual(input.Shape);
        if (!fits)
        {
            string expected = $"[{(input.HasBatch ? "N, " : "")}{string.Join(", ", input.Shape)}]";
            throw new ResNetException($"{path}: the network takes {expected}, but the input is [{string.Join(", ", shape)}].");
        }
        return input.HasBatch ? shape[0] : 1;
    }
}
