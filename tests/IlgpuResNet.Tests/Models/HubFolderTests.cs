using System.Text;
using System.Text.Json;
using IlgpuResNet.Graphs;
using IlgpuResNet.Models;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Folders as hubs of models have them: weights in one file or several, and the configuration beside them.</summary>
[TestClass]
public sealed class HubFolderTests : IDisposable
{
    private const string TimmImages = """
        "mean": [0.5, 0.25, 0.125], "std": [0.5, 0.5, 0.25], "interpolation": "bicubic", "crop_pct": 0.95, "input_size": [3, 224, 224]
        """;

    private static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2, NumClasses = 3 };

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("{\"architecture\": \"resnet50\", \"pretrained_cfg\": {" + TimmImages + "}}", 235, null)]
    [DataRow("{\"architecture\": \"resnet50\", " + TimmImages + "}", 235, null)]
    [DataRow("{\"pretrained_cfg\": {\"crop_mode\": \"squash\", " + TimmImages + "}}", 235, 235)]
    public void Timm_says_how_images_are_prepared(string config, int resize, int? resizeWidth)
    {
        using Model model = LoadWith(("config.json", config));
        var expected = new ImagePreset
        {
            ResizeSize = resize,
            ResizeWidth = resizeWidth,
            Interpolation = Interpolation.Bicubic,
            Mean = (0.5f, 0.25f, 0.125f),
            Std = (0.5f, 0.5f, 0.25f),
        };
        Assert.AreEqual(expected, model.Preset);
    }

    [TestMethod]
    [DataRow("""{"crop_pct": 0.875, "resample": 3, "size": 224}""", 256, null, 224, Interpolation.Bicubic)]
    [DataRow("""{"image_processor_type": "ConvNextImageProcessor", "resample": 2, "size": {"shortest_edge": 224}}""",
        256, null, 224, Interpolation.Bilinear)]
    [DataRow("""{"image_processor_type": "ConvNextImageProcessor", "crop_pct": 0.9, "size": {"shortest_edge": 384}}""",
        384, 384, 384, Interpolation.Bilinear)]
    [DataRow("""{"do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "size": {"shortest_edge": 248}, "resample": 1}""",
        248, null, 224, Interpolation.Lanczos)]
    [DataRow("""{"size": {"height": 224, "width": 224}, "resample": 0}""", 224, 224, 224, Interpolation.Nearest)]
    [DataRow("""{"size": 160, "resample": 5}""", 160, 160, 160, Interpolation.Hamming)]
    public void Hugging_Face_says_how_images_are_prepared(string config, int resize, int? resizeWidth, int crop, Interpolation filter)
    {
        using Model model = LoadWith(("preprocessor_config.json", config));
        Assert.AreEqual(
            new ImagePreset { ResizeSize = resize, ResizeWidth = resizeWidth, CropSize = crop, Interpolation = filter }, model.Preset);
    }

    [TestMethod]
    public void Hugging_Face_says_scale_order_mean_and_deviation()
    {
        using (Model model = LoadWith(("preprocessor_config.json",
            """{"size": 224, "do_rescale": false, "do_normalize": false, "do_flip_channel_order": true}""")))
        {
            Assert.AreEqual(
                new ImagePreset
                {
                    ResizeSize = 224,
                    ResizeWidth = 224,
                    Scale = 1,
                    Mean = (0, 0, 0),
                    Std = (1, 1, 1),
                    Channels = ChannelOrder.Bgr,
                },
                model.Preset);
        }
        using Model scaled = LoadWith(("preprocessor_config.json",
            """{"size": 224, "rescale_factor": 0.5, "image_mean": [1, 2, 3], "image_std": [4, 5, 6]}"""));
        Assert.AreEqual((0.5, (1f, 2f, 3f), (4f, 5f, 6f)), (scaled.Preset.Scale, scaled.Preset.Mean, scaled.Preset.Std));
    }

    [TestMethod]
    [DataRow("""{"model_type": "resnet", "id2label": {"2": "c", "0": "a", "1": "b"}}""", "a b c")]
    [DataRow("""{"model_type": "resnet", "id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}""", "class 0 class 1 class 2")]
    [DataRow("""{"model_type": "resnet", "id2label": {"0": "a", "1": "b"}}""", "class 0 class 1 class 2")]
    [DataRow("""{"model_type": "vit", "id2label": {"0": "a", "1": "b", "2": "c"}}""", "class 0 class 1 class 2")]
    [DataRow("""{"architecture": "resnet50", "label_names": ["n1", "n2", "n3"], "label_descriptions": {"n1": "a", "n3": "c"}}""", "a n2 c")]
    public void Class_names_come_from_the_configuration(string config, string names)
    {
        using Model model = LoadWith(("config.json", config));
        Assert.AreEqual(names, string.Join(' ', model.ClassNames));
    }

    [TestMethod]
    public void Hugging_Face_says_where_the_stride_is()
    {
        using (ResNet v1 = (ResNet)LoadWith(("config.json", """{"model_type": "resnet", "downsample_in_bottleneck": true}""")))
            Assert.AreEqual(StridePlacement.FirstConv1x1, v1.Config.StridePlacement);
        using ResNet v15 = (ResNet)LoadWith(("config.json", """{"model_type": "resnet", "downsample_in_bottleneck": false}"""));
        Assert.AreEqual(StridePlacement.Conv3x3, v15.Config.StridePlacement);
    }

    [TestMethod]
    [DataRow("config.json", "{", "is not valid JSON")]
    [DataRow("config.json", """{"pretrained_cfg": {"mean": [1, 2]}}""", "'mean' should be a list of three numbers, but is [1, 2]")]
    [DataRow("config.json", """{"pretrained_cfg": {"crop_mode": "border"}}""", "'crop_mode' should be center or squash, but is \"border\"")]
    [DataRow("config.json", """{"pretrained_cfg": {"crop_pct": 0}}""", "'crop_pct' should be a share")]
    [DataRow("config.json", """{"pretrained_cfg": {"input_size": [3, 224]}}""", "'input_size' should be channels, height and width")]
    [DataRow("config.json", """{"pretrained_cfg": {"input_size": [3, 99999, 224]}}""", "'input_size' should be")]
    [DataRow("config.json", """{"pretrained_cfg": {"interpolation": "spline"}}""", "'interpolation' should be bilinear, bicubic")]
    [DataRow("config.json", """{"model_type": "resnet", "hidden_act": "gelu"}""", "'hidden_act' should be relu; export")]
    [DataRow("config.json", """{"model_type": "resnet", "downsample_in_first_stage": true}""", "_in_first_stage' should be false")]
    [DataRow("preprocessor_config.json", """{"size": {"longest_edge": 9}}""", "'size' should be a number, or an object")]
    [DataRow("preprocessor_config.json", """{"size": 0}""", "'size' should be a whole number of pixels from 1")]
    [DataRow("preprocessor_config.json", """{"size": 224, "resample": 9}""", "'resample' should be a number of Pillow's filters")]
    [DataRow("preprocessor_config.json", """{"size": 224, "do_resize": false}""", "'do_resize' should be true, but is false")]
    [DataRow("preprocessor_config.json", """{"size": 224, "do_resize": "yes"}""", "'do_resize' should be true or false")]
    public void A_wrong_configuration_is_named(string name, string content, string message)
    {
        WeightsException e = Assert.ThrowsExactly<WeightsException>(() => LoadWith((name, content)));
        StringAssert.StartsWith(e.Message, folder.PathOf(name));
        StringAssert.Contains(e.Message, message);
        Assert.DoesNotContain('\n', e.Message);
    }

    /// <summary>The configuration beside a file is asked last, after the caller and the file.</summary>
    [TestMethod]
    public void Metadata_and_a_given_preset_come_first()
    {
        string path = folder.PathOf("model.safetensors");
        var own = new ImagePreset { ResizeSize = 50, CropSize = 40 };
        using (ResNet made = ResNet.Create(Thin)) made.Weights.Save(path, ModelMetadata.Write(Thin, own, ["x", "y", "z"]));
        File.WriteAllText(folder.PathOf("config.json"), """{"architecture": "r", "crop_mode": "border", "label_names": ["a", "b", "c"]}""");
        using (Model model = Model.Load(path)) Assert.AreEqual((own, "x y z"), (model.Preset, string.Join(' ', model.ClassNames)));
        using Model given = Model.Load(path, preset: ImagePreset.ImageNet1KV2);
        Assert.AreEqual(ImagePreset.ImageNet1KV2, given.Preset);
    }

    /// <summary>A configuration beside several files of weights says nothing of one with a name of its own.</summary>
    [TestMethod]
    public void A_configuration_is_for_the_hubs_names_or_the_only_weights()
    {
        File.WriteAllText(folder.PathOf("config.json"), """{"architecture": "resnet50", "label_names": ["a", "b", "c"]}""");
        string own = Save("own.safetensors");
        Assert.AreEqual("a b c", Names(own));
        string hub = Save("model.safetensors");
        Assert.AreEqual(("class 0 class 1 class 2", "a b c", "a b c"), (Names(own), Names(hub), Names(folder.PathOf(""))));

        static string Names(string path)
        {
            using Model model = Model.Load(path);
            return string.Join(' ', model.ClassNames);
        }
    }

    [TestMethod]
    public void Weights_of_several_files_are_those_of_one()
    {
        string index = SaveShards("");
        using StateDict whole = StateDict.Load(Save("whole.safetensors"));
        foreach (string path in new[] { index, folder.PathOf("") })
        {
            using StateDict loaded = StateDict.Load(path);
            CollectionAssert.AreEqual(whole.Keys.ToArray(), loaded.Keys.ToArray());
            foreach (string name in whole.Keys) CollectionAssert.AreEqual(whole[name].ToArray(), loaded[name].ToArray(), name);
        }
        using Model model = Model.Load(index);
        Assert.AreEqual(3, model.NumClasses);
    }

    /// <summary>A prefix is one of all names, not of the names in one file.</summary>
    [TestMethod]
    public void Names_of_several_files_are_translated_together()
    {
        using StateDict loaded = StateDict.Load(SaveShards("module."));
        Assert.IsTrue(loaded.ContainsKey("conv1.weight"), loaded.Keys.First());
    }

    [TestMethod]
    public void A_shard_alone_names_its_index()
    {
        string index = SaveShards(""), shard = folder.PathOf("model-00001-of-00002.safetensors");
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => Model.Load(shard)).Message,
            $"is one of several files of weights; name their index {index}");
        File.Delete(index);
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => Model.Load(shard)).Message, $"their index {index} is missing");
    }

    [TestMethod]
    [DataRow("[]", "an index with an object weight_map was expected")]
    [DataRow("{\"weight_map\": 3}", "an index with an object weight_map was expected")]
    [DataRow("{\"weight_map\": {\"a\": \"../b\"}}", "the file of tensor a should be a name without folders, but is ../b")]
    [DataRow("{\"weight_map\": {\"a\": \"..\"}}", "should be a name without folders")]
    [DataRow("{\"weight_map\": {\"a\": \"c\\\\b\"}}", "should be a name without folders")]
    [DataRow("{\"weight_map\": {\"a\": 3}}", "should be a name without folders, but is 3")]
    [DataRow("{\"weight_map\": {\"a\": \"none\"}}", "names none, but there is no such file beside it")]
    [DataRow("{\"weight_map\": {\"a\": \"whole.safetensors\"}}", "tensor a should be in ")]
    [DataRow("no", "is not valid JSON")]
    public void A_wrong_index_is_refused(string json, string message)
    {
        Save("whole.safetensors");
        string path = folder.PathOf("model.safetensors.index.json");
        File.WriteAllText(path, json);
        StringAssert.Contains(WeightsFolder.Refused(path, message).Message, message);
    }

    [TestMethod]
    public void A_folder_without_one_file_of_weights_says_what_is_expected()
    {
        string place = folder.PathOf("");
        StringAssert.Contains(
            Assert.ThrowsExactly<WeightsException>(() => Model.Load(place)).Message, "is a folder without weights; expected");
        Save("b.safetensors");
        Save("a.safetensors");
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => Model.Load(place)).Message,
            "is a folder with 2 files of weights, such as a.safetensors and b.safetensors; name one of them.");
    }

    [TestMethod]
    [DataRow("Bgr8", "NominalRange_0_255", ChannelOrder.Bgr, 1.0, 0f, 1f)]
    [DataRow("Rgb8", "Normalized_0_1", ChannelOrder.Rgb, 1 / 255.0, 0f, 1f)]
    [DataRow("Rgb8", "Normalized_1_1", ChannelOrder.Rgb, 1 / 255.0, 0.5f, 0.5f)]
    [DataRow("Bgr8", "NominalRange_16_235", ChannelOrder.Bgr, 219 / 255.0, -16f, 1f)]
    public void Windows_ML_says_how_images_are_prepared(
        string format, string range, ChannelOrder order, double scale, float mean, float std)
    {
        var metadata = new Dictionary<string, string>
        {
            ["Image.BitmapPixelFormat"] = format,
            ["Image.ColorSpaceGamma"] = "SRGB",
            ["Image.NominalPixelRange"] = range,
        };
        using Model model = LoadOnnx(metadata);
        var expected = new ImagePreset
        {
            ResizeSize = 64,
            CropSize = 64,
            CropWidth = 96,
            Channels = order,
            Scale = scale,
            Mean = (mean, mean, mean),
            Std = (std, std, std),
        };
        Assert.AreEqual(expected, model.Preset);
    }

    [TestMethod]
    [DataRow("""{0: 'tench', 1: "it's", 2:'a\'b'}""", "tench|it's|a'b")]
    [DataRow("""['a, b', 'c', 'd']""", "a, b|c|d")]
    [DataRow("""{"0": "a", "1": "b", "2": "c"}""", "a|b|c")]
    [DataRow("{0: 'a', 1: 'b'}", "class 0|class 1|class 2")]
    [DataRow("{0: 'a', 2: 'b', 1: 'c'}", "class 0|class 1|class 2")]
    [DataRow("{0: 'a', 1: 'b', 2: 'c'", "class 0|class 1|class 2")]
    [DataRow("{0: 'a', 1: 'b', 2: 'c", "class 0|class 1|class 2")]
    [DataRow("a b c", "class 0|class 1|class 2")]
    public void Ultralytics_says_names_and_how_images_are_prepared(string names, string expected)
    {
        using Model model = LoadOnnx(new Dictionary<string, string> { ["names"] = names, ["task"] = "classify", ["imgsz"] = "[64, 96]" });
        Assert.AreEqual(expected, string.Join('|', model.ClassNames));
        Assert.AreEqual(
            new ImagePreset { ResizeSize = 64, CropSize = 64, CropWidth = 96, Mean = (0, 0, 0), Std = (1, 1, 1) }, model.Preset);
    }

    [TestMethod]
    [DataRow("""["a", "b", "c"]""")]
    [DataRow("""{"0": "a", "2": "c", "1": "b"}""")]
    [DataRow("""{"0": ["n01", "a"], "1": ["n02", "b"], "2": ["n03", "c"]}""")]
    [DataRow("""{"b": 1, "c": 2, "a": 0}""")]
    [DataRow("""{"model_type": "resnet", "id2label": {"0": "a", "1": "b", "2": "c"}}""")]
    public void Labels_are_read_from_JSON_in_its_usual_shapes(string json)
    {
        foreach (string name in new[] { "labels.json", "labels.txt" })
        {
            string path = folder.Write(name, Encoding.UTF8.GetBytes(json));
            Assert.AreEqual("a b c", string.Join(' ', ClassLabels.Load(path)), name);
        }
    }

    [TestMethod]
    [DataRow("""{"0": "a", "2": "c"}""", "holds no class names that can be told")]
    [DataRow("""["a", " "]""", "holds no class names that can be told")]
    [DataRow("""{"a": 0, "b": 0}""", "holds no class names that can be told")]
    [DataRow("[", "are not valid JSON")]
    public void Other_JSON_is_refused(string json, string message)
    {
        string path = folder.Write("labels.json", Encoding.UTF8.GetBytes(json));
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ClassLabels.Load(path)).Message, message);
    }

    [TestMethod]
    public void A_text_that_begins_with_a_bracket_is_no_JSON()
    {
        string path = folder.Write("a.txt", "[background]\ncat\n"u8);
        CollectionAssert.AreEqual(new[] { "[background]", "cat" }, ClassLabels.Load(path).ToArray());
    }

    private Model LoadWith(params (string Name, string Content)[] configs)
    {
        foreach ((string name, string content) in configs) File.WriteAllText(folder.PathOf(name), content);
        return Model.Load(Path.GetDirectoryName(Save("model.safetensors"))!);
    }

    private string Save(string name)
    {
        using ResNet model = ResNet.Create(Thin, 5);
        model.Weights.Save(folder.PathOf(name));
        return folder.PathOf(name);
    }

    /// <summary>Saves the network in two files, every other tensor in the second, and their index.</summary>
    private string SaveShards(string prefix)
    {
        using ResNet model = ResNet.Create(Thin, 5);
        string[] names = [.. model.Weights.Keys];
        string[] files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
        for (int i = 0; i < 2; i++)
        {
            using StateDict part = StateDict.Create(names.Where((_, index) => index % 2 == i).Select(name =>
                (prefix + name, model.Weights[name].Shape, model.Weights[name].ToArray())));
            part.Save(folder.PathOf(files[i]));
        }
        string index = folder.PathOf("model.safetensors.index.json");
        File.WriteAllText(index, JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["metadata"] = new Dictionary<string, int> { ["total_size"] = 1 },
            ["weight_map"] = names.Select((name, i) => KeyValuePair.Create(prefix + name, files[i % 2])).ToDictionary(),
        }));
        return index;
    }

    private Model LoadOnnx(Dictionary<string, string> metadata)
    {
        string path = folder.PathOf("net.onnx");
        using (ResNet model = ResNet.Create(Thin, 5))
        using (FileStream file = File.Create(path))
        {
            Graph graph = ResNetGraph.Build(model.Config, model.Weights) with { Outputs = [ResNetGraph.LogitsName] };
            OnnxWriter.Write(file, OnnxExporter.Export(graph, new OnnxExportOptions { Height = 64, Width = 96 }, metadata));
        }
        return Model.Load(path);
    }
}
