using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ParameterNamesTests
{
    [TestMethod]
    [DataRow("resnet.embedder.embedder.convolution.weight", "conv1.weight")]
    [DataRow("resnet.embedder.embedder.normalization.running_mean", "bn1.running_mean")]
    [DataRow("resnet.encoder.stages.0.layers.0.layer.0.convolution.weight", "layer1.0.conv1.weight")]
    [DataRow("resnet.encoder.stages.3.layers.2.layer.2.normalization.num_batches_tracked", "layer4.2.bn3.num_batches_tracked")]
    [DataRow("resnet.encoder.stages.2.layers.22.layer.1.convolution.weight", "layer3.22.conv2.weight")]
    [DataRow("resnet.encoder.stages.1.layers.0.shortcut.convolution.weight", "layer2.0.downsample.0.weight")]
    [DataRow("resnet.encoder.stages.1.layers.0.shortcut.normalization.bias", "layer2.0.downsample.1.bias")]
    [DataRow("encoder.stages.1.layers.0.layer.1.normalization.weight", "layer2.0.bn2.weight")]
    [DataRow("classifier.1.weight", "fc.weight")]
    [DataRow("classifier.1.bias", "fc.bias")]
    [DataRow("layer1.0.conv1.weight", "layer1.0.conv1.weight")]
    [DataRow("resnet.encoder.stages.0.layers.0.layer.9.convolution.weight", "resnet.encoder.stages.0.layers.0.layer.9.convolution.weight")]
    [DataRow("classifier.1.weight\n", "classifier.1.weight\n")]
    public void Hugging_Face_becomes_torchvision(string name, string expected) =>
        Assert.AreEqual(expected, ParameterNames.FromHuggingFace(name));

    [TestMethod]
    [DataRow("stem.conv.weight", "conv1.weight")]
    [DataRow("stages.0.blocks.0.norm1.running_mean", "layer1.0.bn1.running_mean")]
    [DataRow("stages.3.blocks.22.conv3.weight", "layer4.22.conv3.weight")]
    [DataRow("stages.1.blocks.0.downsample.conv.weight", "layer2.0.downsample.0.weight")]
    [DataRow("norm.num_batches_tracked", "bn.num_batches_tracked")]
    [DataRow("head.fc.bias", "fc.bias")]
    [DataRow("layer1.0.bn1.weight", "layer1.0.bn1.weight")]
    [DataRow("stages.0.blocks.0.norm4.weight", "stages.0.blocks.0.norm4.weight")]
    [DataRow("stages.0.blocks.0.se.fc1.weight", "stages.0.blocks.0.se.fc1.weight")]
    [DataRow("stem.conv1.weight", "stem.conv1.weight")]
    [DataRow("norm.weight\n", "norm.weight\n")]
    public void Timm_becomes_torchvision(string name, string expected) => Assert.AreEqual(expected, ParameterNames.FromTimm(name));

    [TestMethod]
    public void Prefix_of_averaged_weights_goes_and_their_counter_stays() =>
        Assert.AreEqual("n_averaged, fc.weight", string.Join(", ", ParameterNames.ToTorchvision(["n_averaged", "module.fc.weight"])));

    [TestMethod]
    public void Prefix_goes_before_the_names_are_translated() =>
        Assert.AreEqual("fc.weight, fc.bias",
            string.Join(", ", ParameterNames.ToTorchvision(["module.classifier.1.weight", "module.classifier.1.bias"])));
}
