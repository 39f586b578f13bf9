using System.CommandLine;
using IlgpuResNet.Devices;
using IlgpuResNet.Imaging;
using IlgpuResNet.Labels;
using IlgpuResNet.Models;

namespace IlgpuResNet.Cli;

/// <summary>The options that choose a network and a device, shared by the commands.</summary>
internal sealed class ModelOptions
{
    private const int LargestBatch = 4096;

    /// <summary>The classifier of clothes that comes with the tool.</summary>
    private static readonly string BoxedWeights = Path.Combine(AppContext.BaseDirectory, "FashionMnist", "fashion-resnet.safetensors");

    private readonly Option<string?> weights = new("--weights", "-w") { Description = "Weights: .safetensors or .pth. Default: the Fashion-MNIST classifier in the box.", HelpName = "FILE" };
    private readonly Option<string?> variant = new("--variant") { Description = "How blocks are computed: v1.5 (torchvision), v1, note. Default: what the file says, else v1.5.", HelpName = "NAME" };
    private readonly Option<string?> preset = new("--preset") { Description = "How images are prepared. Default: what the file says, else imagenet-v1.", HelpName = "NAME" };
    private readonly Option<string?> labels = new("--labels") { Description = "Class names, one per line. Default: the file's own, or ImageNet's for 1000 or 1001 classes.", HelpName = "FILE" };
    private readonly Option<string?> device = new("--device", "-d") { Description = "Device of 'ilgpu-resnet devices', such as cpu, opencl:0 or cuda:0. Default: the first GPU, else cpu.", HelpName = "ID" };
    private readonly Option<int> batch = new("--batch", "-b") { Description = "Images per run.", DefaultValueFactory = _ => 1, HelpName = "N" };

    public ModelOptions()
    {
        variant.AcceptOnlyFromAmong("v1.5", "v1", "note");
        preset.AcceptOnlyFromAmong("imagenet-v1", "imagenet-v2");
        batch.RequireWholeNumber(1, LargestBatch);
    }

    public void AddModelTo(Command command)
    {
        command.Add(weights);
        command.Add(variant);
        command.Add(preset);
        command.Add(labels);
        command.Add(batch);
    }

    public void AddTo(Command command)
    {
        AddModelTo(command);
        command.Add(device);
    }

    public int Batch(ParseResult result) => result.GetValue(batch);

    public ComputeDevice Device(ParseResult result) =>
        result.GetValue(device) is { } id ? ComputeDevice.Get(id) : ComputeDevice.Default;

    /// <summary>Loads the network asked for; the caller disposes it.</summary>
    public ResNet Load(ParseResult result)
    {
        ResNet model = ResNet.Load(
            result.GetValue(weights) ?? BoxedWeights,
            result.GetValue(variant) switch { "v1.5" => ResNetVariant.V15, "v1" => ResNetVariant.V1, "note" => ResNetVariant.Note, _ => null },
            result.GetValue(preset) switch { "imagenet-v1" => ImagePreset.ImageNet1KV1, "imagenet-v2" => ImagePreset.ImageNet1KV2, _ => null });
        try
        {
            return result.GetValue(labels) is { } path ? model.WithClassNames(ClassLabels.Load(path)) : model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }
}
