using System.Collections.Immutable;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>ResNets under other names than torchvision's, beside other tensors, and with other heads, written as safetensors.</summary>
[TestClass]
public sealed class NetworkNamesTests : IDisposable
{
    private const int Features = 32;

    private static readonly ResNetConfig Config =
        new() { Block = ResNetBlock.Basic, Depths = [1, 1, 1, 1], NumClasses = 5, StemWidth = 4, BaseWidth = 4 };

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("model.")]
    [DataRow("module.")]
    [DataRow("module._orig_mod.")]
    [DataRow("a.b.c.d.")]
    [DataRow("layer1.")]
    [DataRow("fc.")]
    public void A_prefix_goes_whatever_it_is(string prefix)
    {
        using StateDict weights = Load(Named(name => prefix + name));
        Assert.AreEqual(Names(Tensors()), string.Join(", ", weights.Keys));
        Assert.IsEmpty(weights.LeftOut);
    }

    [TestMethod]
    public void Tensors_beside_the_network_are_left_out_and_listed()
    {
        using StateDict weights = Load(
            [.. Named(name => "model." + name), Tensor("criterion.weight", 5), Tensor("model.projection_head.0.weight", 8, Features),
                Tensor("logit_scale")]);
        Assert.AreEqual(Names(Tensors()), string.Join(", ", weights.Keys));
        Assert.AreEqual("criterion.weight, model.projection_head.0.weight, logit_scale", string.Join(", ", weights.LeftOut));
    }

    [TestMethod]
    [DataRow("linear.", "")]
    [DataRow("classifier.", "")]
    [DataRow("head.fc.", "")]
    [DataRow("last_linear.", "")]
    [DataRow("fc.1.", "")]
    [DataRow("something.", "")]
    [DataRow("classifier.1.", "backbone.")]
    [DataRow("head.", "model.backbone.body.")]
    public void A_head_is_found_under_its_name_and_beside_the_trunk(string head, string prefix)
    {
        using StateDict weights =
            Load(Named(name => name.StartsWith("fc.", StringComparison.Ordinal) ? head + name[3..] : prefix + name));
        Assert.AreEqual(Names(Tensors()), string.Join(", ", weights.Keys));
    }

    [TestMethod]
    public void Of_two_unknown_heads_none_is_taken_and_of_known_ones_the_best_known()
    {
        (string Name, ImmutableArray<int> Shape, float[] Values)[] trunk = Trunk();
        using StateDict two = Load([.. trunk, Tensor("age.weight", 9, Features), Tensor("gender.weight", 2, Features)]);
        Assert.AreEqual("age.weight, gender.weight", string.Join(", ", two.LeftOut));
        using StateDict known = Load([.. trunk, Tensor("age.weight", 9, Features), Tensor("classifier.weight", 2, Features)]);
        Assert.AreEqual("age.weight", string.Join(", ", known.LeftOut));
    }

    [TestMethod]
    public void Layers_of_a_head_have_a_ReLU_where_a_module_without_tensors_stands_between()
    {
        using ResNet model = ResNet.Load(Save(
            [.. Trunk(), Tensor("fc.0.weight", 8, Features), Tensor("fc.0.bias", 8), Tensor("fc.2.weight", 3, 8)]));
        Assert.AreEqual("fc.0 32-8 relu; fc.2 8-3", Head(model));
        Assert.AreEqual(3, model.NumClasses);
        using ResNet straight = ResNet.Load(Save([.. Trunk(), Tensor("fc.0.weight", 8, Features), Tensor("fc.1.weight", 3, 8)]));
        Assert.AreEqual("fc.0 32-8; fc.1 8-3", Head(straight));
        // fastai's: batch norm, Dropout, linear, ReLU, batch norm, Dropout, linear.
        using ResNet norms = ResNet.Load(Save(
        [
            .. Trunk(), .. Norm("head.2", Features), Tensor("head.4.weight", 8, Features), .. Norm("head.6", 8),
            Tensor("head.8.weight", 3, 8),
        ]));
        Assert.AreEqual("fc.2 32-32; fc.4 32-8 relu; fc.6 8-8; fc.8 8-3", Head(norms));
    }

    [TestMethod]
    public void Names_of_other_libraries_become_torchvisions()
    {
        using StateDict kuangliu = Load(Named(name => name.Replace("downsample", "shortcut", StringComparison.Ordinal)
            .Replace("fc.", "linear.", StringComparison.Ordinal)));
        Assert.AreEqual(Names(Tensors()), string.Join(", ", kuangliu.Keys));
        using StateDict children = Load(Named(Child));
        Assert.AreEqual(Names(Tensors()), string.Join(", ", children.Keys));

        static string Child(string name) => name.StartsWith("conv1.", StringComparison.Ordinal) ? "0.0" + name[5..]
            : name.StartsWith("bn1.", StringComparison.Ordinal) ? "0.1" + name[3..]
            : name.StartsWith("fc.", StringComparison.Ordinal) ? "1.1" + name[2..]
            : $"0.{name[5] - '1' + 4}{name[6..]}";
    }

    [TestMethod]
    public void Numbers_without_a_head_are_refused()
    {
        (string Name, ImmutableArray<int> Shape, float[] Values)[] tensors = Trunk();
        for (int i = 0; i < tensors.Length; i++)
        {
            string name = tensors[i].Name;
            tensors[i].Name = name[0] == 'c' ? "0" + name[5..] : name[0] == 'b' ? "1" + name[3..] : $"{name[5] - '1' + 4}{name[6..]}";
        }
        WeightsFolder.Refused(Save(tensors), "such as 0.weight, and no linear layer beside them takes the features");
    }

    [TestMethod]
    public void Of_several_networks_the_usual_one_is_taken_and_a_key_chooses()
    {
        string path = Save([.. Named(name => "module.encoder_k." + name), .. Named(name => "module.encoder_q." + name)]);
        using (StateDict usual = StateDict.Load(path))
        {
            Assert.AreEqual("module.encoder_k", string.Join(", ", usual.OtherKeys));
            Assert.AreEqual(Tensors().Length, usual.LeftOut.Length);
            Assert.StartsWith("module.encoder_k.", usual.LeftOut[0]);
        }
        using (StateDict other = StateDict.Load(path, "encoder_k")) Assert.StartsWith("module.encoder_q.", other.LeftOut[0]);
        WeightsException error = Assert.ThrowsExactly<WeightsException>(() => StateDict.Load(path, "encoder"));
        StringAssert.Contains(
            error.Message, "names nothing in it; its networks are: module.encoder_k, module.encoder_q.", StringComparison.Ordinal);
    }

    [TestMethod]
    public void Of_several_networks_with_unknown_names_none_is_taken_alone()
    {
        string path = Save([.. Named(name => "rgb." + name), .. Named(name => "depth." + name)]);
        WeightsFolder.Refused(path, "holds several networks: rgb, depth; choose one by its key");
        using StateDict chosen = StateDict.Load(path, "depth");
        Assert.AreEqual(Names(Tensors()), string.Join(", ", chosen.Keys));
    }

    [TestMethod]
    public void A_network_without_a_head_gives_its_features()
    {
        using ResNet model = ResNet.Load(Save(Trunk()));
        Assert.AreEqual(0, model.NumClasses);
        Assert.AreEqual("flatten", string.Join(", ", model.OutputNames));
        Assert.Contains("no classifier", model.Description);
    }

    [TestMethod]
    public void Attention_is_refused_by_name() =>
        Assert.Contains("attention", Assert.ThrowsExactly<WeightsException>(
            () => ResNet.Load(Save([.. Named(name => "visual." + name), Tensor("visual.attnpool.q_proj.weight", 4, 4)]))).Message);

    private static string Head(ResNet model) => string.Join("; ", model.Config.Layout.HeadOf(model.Config).Select(
        layer => $"{layer.Path} {layer.Inputs}-{layer.Outputs}{(layer.Relu ? " relu" : "")}"));

    private static string Names(IEnumerable<(string Name, ImmutableArray<int> Shape, float[] Values)> tensors) =>
        string.Join(", ", tensors.Select(tensor => tensor.Name));

    private static (string Name, ImmutableArray<int> Shape, float[] Values)[] Tensors()
    {
        using ResNet model = ResNet.Create(Config);
        return [.. model.Weights.Values.Select(tensor => (tensor.Name, tensor.Shape, tensor.ToArray()))];
    }

    private static (string Name, ImmutableArray<int> Shape, float[] Values)[] Trunk() =>
        [.. Tensors().Where(tensor => !tensor.Name.StartsWith("fc.", StringComparison.Ordinal))];

    private static (string Name, ImmutableArray<int> Shape, float[] Values)[] Named(Func<string, string> rename) =>
        [.. Tensors().Select(tensor => (rename(tensor.Name), tensor.Shape, tensor.Values))];

    private static (string Name, ImmutableArray<int> Shape, float[] Values) Tensor(string name, params int[] shape) =>
        (name, [.. shape], new float[shape.Aggregate(1, (product, size) => product * size)]);

    private static (string Name, ImmutableArray<int> Shape, float[] Values)[] Norm(string path, int channels) =>
        [.. new[] { "weight", "bias", "running_mean", "running_var" }.Select(name => Tensor($"{path}.{name}", channels))];

    private string Save((string Name, ImmutableArray<int> Shape, float[] Values)[] tensors)
    {
        string path = folder.PathOf($"{Guid.NewGuid():N}.safetensors");
        using StateDict weights = StateDict.Create(tensors);
        weights.Save(path);
        return path;
    }

    private StateDict Load((string Name, ImmutableArray<int> Shape, float[] Values)[] tensors) => StateDict.Load(Save(tensors));
}
