using System.Collections.Immutable;
using System.CommandLine;
using System.CommandLine.Parsing;

namespace IlgpuResNet.Cli;

/// <summary>The options that choose a network and a device, shared by the commands.</summary>
internal sealed class ModelOptions
{
    /// <summary>Description of an option or argument that names a network.</summary>
    public const string WeightsHelp =
        "Weights (.safetensors, .pth), a whole network (.onnx), a folder or index of a hub, "
        + "or a name of 'ilgpu-resnet download', such as resnet50:IMAGENET1K_V2.";

    private const int LargestBatch = 4096;
    private const int MostThreads = 1 << 16;

    /// <summary>The classifier of clothes that comes with the tool.</summary>
    private static readonly string BoxedWeights = Path.Combine(AppContext.BaseDirectory, "FashionMnist", "fashion-resnet.safetensors");

    private readonly Option<string?> weights = new("--weights", "-w")
    {
        Description = $"{WeightsHelp} Default: the Fashion-MNIST classifier in the box.",
        HelpName = "FILE|NAME",
    };

    private readonly Option<string?> variant = new("--variant")
    {
        Description = "How blocks are computed: v1.5 (torchvision), v1, v1-relu-before-add, v2. "
            + "Default: what the file says, else v2 or v1.5 by its tensors.",
        HelpName = "NAME",
    };

    private readonly Option<string?> key = new("--key")
    {
        Description = "Which of a checkpoint's networks: an entry, such as state_dict_ema, or the prefix of its names, such as encoder_k. "
            + "Default: the one that training scripts usually mean.",
        HelpName = "NAME",
    };

    private readonly Option<string?> labels = new("--labels")
    {
        Description = "Class names, one per line, or as JSON. Default: the file's own, or ImageNet's for 1000 or 1001 classes.",
        HelpName = "FILE",
    };

    private readonly Option<string?> device = new("--device", "-d")
    {
        Description = "Device of 'ilgpu-resnet devices', such as cpu, opencl:0 or cuda:0. Default: the first GPU, else cpu.",
        HelpName = "ID",
    };

    private readonly Option<int?> batch = new("--batch", "-b")
    {
        Description = "The most images per run. Default: 8 of 224x224, more of smaller ones.",
        HelpName = "N",
    };

    private readonly Option<int> threads = new("--threads")
    {
        Description = "Threads on the processor; a GPU ignores it. Default: all.",
        HelpName = "N",
    };

    private readonly Option<int> memoryLimit = new("--memory-limit")
    {
        Description = "Most memory for weights and activations, for a file that is refused because it asks for too much. "
            + "Default: what the file's length justifies.",
        HelpName = "MIB",
    };

    private readonly PresetOptions presets = new();
    private readonly NamedWeightsOptions named;
    private readonly ToolConsole console;

    /// <param name="console">Where a download is shown, and warnings and notes.</param>
    public ModelOptions(ToolConsole console)
    {
        this.console = console;
        named = new NamedWeightsOptions(console);
        weights.RequirePath();
        labels.RequirePath();
        variant.RequireOneOf(ResNetVariants.Names);
        batch.RequireWholeNumber(1, LargestBatch);
        threads.RequireWholeNumber(1, MostThreads);
        memoryLimit.RequireWholeNumber(1, int.MaxValue);
    }

    /// <summary>Adds the network: its weights and their variant.</summary>
    public void AddModelTo(Command command)
    {
        command.Add(weights);
        command.Add(variant);
        command.Add(key);
        named.AddTo(command);
    }

    /// <summary>Adds the number of images per run.</summary>
    public void AddBatchTo(Command command) => command.Add(batch);

    /// <summary>Adds the preparation of images.</summary>
    public void AddPresetTo(Command command) => presets.AddTo(command);

    /// <summary>Adds the names of classes.</summary>
    public void AddLabelsTo(Command command) => command.Add(labels);

    /// <summary>Adds the device to compute on, the number of its threads, and the memory that may be taken.</summary>
    public void AddDeviceTo(Command command)
    {
        command.Add(device);
        command.Add(threads);
        command.Add(memoryLimit);
    }

    /// <summary>Names of the given options that concern a weights file.</summary>
    public IEnumerable<string> GivenForWeights(CommandResult result) =>
        presets.All.Prepend(key).Prepend(variant).Prepend(weights)
            .Where(option => result.GetResult(option) is not null).Select(option => option.Name);

    /// <summary>Names of the given options that concern a device.</summary>
    public IEnumerable<string> GivenForDevice(CommandResult result) =>
        new Option[] { device, threads, memoryLimit }.Where(option => result.GetResult(option) is not null).Select(option => option.Name);

    /// <summary>The number of images per run asked for, or the usual one for a network.</summary>
    public int Batch(ParseResult result, Model model) => result.GetValue(batch) ?? ClassifierOptions.BatchOf(model.Preset);

    /// <summary>The number of threads asked for, or null for all. More than there are processors would only wait for each other.</summary>
    public int? Threads(ParseResult result)
    {
        if (result.GetValue(threads) is not (> 0 and var number)) return null;
        int most = Environment.ProcessorCount;
        if (number > most) console.Note($"{threads.Name} {number} is more than this machine's {most} processors; {most} are used");
        return Math.Min(number, most);
    }

    /// <summary>Options of a session: the number of threads and the memory that were asked for.</summary>
    public SessionOptions Session(ParseResult result) =>
        new() { Threads = Threads(result), MemoryLimit = MemoryLimit(result) };

    /// <summary>Bytes that a session may allocate, or null for the usual limit.</summary>
    public long? MemoryLimit(ParseResult result) => result.GetValue(memoryLimit) is > 0 and int mebibytes ? (long)mebibytes << 20 : null;

    /// <summary>The device asked for, or the default one.</summary>
    public ComputeDevice Device(ParseResult result) =>
        result.GetValue(device) is { } id ? ComputeDevice.Get(id) : ComputeDevice.Default;

    /// <summary>The file or the name of the network asked for.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="path">The file or name from an argument, where a command has one for it.</param>
    public string Network(ParseResult result, string? path = null) => path ?? result.GetValue(weights) ?? BoxedWeights;

    /// <summary>Loads the network asked for; the caller disposes it.</summary>
    /// <param name="result">The command line.</param>
    /// <param name="path">The network's file or name, where a command has an argument for it.</param>
    /// <param name="prepareDevice">False for a command that may not use its device, or opens it in its own way.</param>
    /// <param name="cancellation">Stops a download.</param>
    public Model Load(ParseResult result, string? path = null, bool prepareDevice = true, CancellationToken cancellation = default)
    {
        string network = Network(result, path);
        // Errors in other options are reported before a download that takes minutes.
        ImmutableArray<string>? names = result.GetValue(labels) is { } file ? ClassLabels.Load(file) : null;
        if (named.MustDownload(network, result) && result.GetValue(device) is { } id) ComputeDevice.Get(id);
        if (prepareDevice && result.CommandResult.Command.Options.Contains(device)) PrepareDevice(result);
        Model model = Model.Load(
            named.Resolve(network, result, cancellation),
            new IlgpuResNet.ModelOptions
            {
                Variant = ResNetVariants.Parse(result.GetValue(variant)),
                Preset = presets.Named(result),
                Key = result.GetValue(key),
            });
        try
        {
            foreach (string warning in model.Warnings) console.Warning(warning);
            // Both networks share the weights, so that the first needs no disposal.
            if (presets.Change(result)) model = model.WithPreset(presets.Apply(result, model.Preset));
            if (names is not { } given) return model;
            return given.Length == model.NumClasses
                ? model.WithClassNames(given)
                : throw new ResNetException(
                    $"{result.GetValue(labels)}: has {given.Length} names, but {model.Weights.Source} has {model.NumClasses} classes; "
                    + "give one name per class, in order.");
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Finds and opens the device while the network loads. An error is left to the code that uses the device later.</summary>
    private void PrepareDevice(ParseResult result) => Task.Run(() =>
    {
        try
        {
            Device(result).Prepare();
        }
        catch (ResNetException)
        {
        }
    });
}
