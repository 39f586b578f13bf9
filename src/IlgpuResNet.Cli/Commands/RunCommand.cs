using System.CommandLine;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>run</c>: a tensor in, tensors out, for comparison with other implementations.</summary>
internal static class RunCommand
{
    public static Command Create(ToolConsole console)
    {
        var options = new ModelOptions(console);
        var file = new Argument<string?>("model") { Description = $"{ModelOptions.WeightsHelp} The same as --weights.", Arity = ArgumentArity.ZeroOrOne };
        var input = new Option<string>("--input", "-i") { Description = "Float32 .npy, or a tensor of ONNX (.pb): [N, C, H, W], prepared as the weights want it, or what the network takes.", Required = true, HelpName = "FILE" };
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
            OutputTarget[] targets = OutputTarget.ParseAll(result.GetValue(output)!, result.GetValue(input)!, options.Network(result, result.GetValue(file)));
            NpyArray values = Load(result.GetValue(input)!);
            using Model model = options.Load(result, result.GetValue(file), cancellation: cancellation);
            using InferenceSession session = Open(model, values, targets, result.GetValue(input)!, options, result);
            foreach (string warning in session.Warnings) console.Warning(warning);

            int count = CountOf(session, values, result.GetValue(input)!);
            var outputs = new OutputBuffers(session, count);
            for (int done = 0; done < count; done += session.MaxBatch)
            {
                cancellation.ThrowIfCancellationRequested();
                int images = Math.Min(session.MaxBatch, count - done);
                session.Run(values.Values.AsSpan(done * session.Input.Length, images * session.Input.Length), outputs.Of(done, images));
            }
            outputs.Save(targets);
        });
        return command;
    }

    private static NpyArray Load(string path)
    {
        if (!Path.GetExtension(path).Equals(".pb", StringComparison.OrdinalIgnoreCase)) return NpyArray.Load(path);
        StateTensor tensor = OnnxTensor.LoadPb(path);
        return new NpyArray([.. tensor.Shape], tensor.ToSingleArray());
    }

    /// <summary>A session for inputs of the given size that gives what is to be written.</summary>
    private static InferenceSession Open(Model model, NpyArray values, OutputTarget[] targets, string path, ModelOptions options, ParseResult result)
    {
        if (model is ResNet resNet)
        {
            if (values.Shape.Length != 4)
                throw new ResNetException($"{path}: the input must have the four sizes [N, C, H, W], but has {values.Shape.Length}. Add or remove dimensions.");
            if (values.Shape[1] != resNet.Config.InputChannels)
                throw new ResNetException($"{path}: the network takes {resNet.Config.InputChannels} channels, but the input has {values.Shape[1]}. Its order must be [N, C, H, W].");
        }
        (int? height, int? width) = model.SizeOf(values.Shape);
        return new InferenceSession(model, options.Device(result), new SessionOptions
        {
            MaxBatch = Math.Min(options.Batch(result, model), Math.Max(values.Shape is [var n, ..] ? n : 1, 1)),
            Threads = options.Threads(result),
            Height = height,
            Width = width,
            Outputs = [.. targets.Select(target => target.Tensor ?? model.OutputNames[0])],
        });
    }

    /// <summary>Images in the input, whose shape must be what the session takes.</summary>
    private static int CountOf(InferenceSession session, NpyArray values, string path)
    {
        TensorInfo input = session.Input;
        int[] image = input.HasBatch && values.Shape.Length > 0 ? values.Shape[1..] : values.Shape;
        if (!image.AsSpan().SequenceEqual(input.Shape.AsSpan()) || (input.HasBatch && values.Shape.Length == 0))
            throw new ResNetException($"{path}: the network takes [{(input.HasBatch ? "N, " : "")}{string.Join(", ", input.Shape)}], but the input is [{string.Join(", ", values.Shape)}].");
        return input.HasBatch ? values.Shape[0] : 1;
    }
}
