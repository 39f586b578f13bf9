using IlgpuResNet.Files;
using IlgpuResNet.Models;

namespace IlgpuResNet.Tests;

/// <summary>Metadata that JSON allows and a network does not; and text from files as messages show it.</summary>
[TestClass]
public sealed class ModelMetadataTests
{
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2, NumClasses = 2 };

    [TestMethod]
    [DataRow("variant", "v7", "'variant' should be v1.5, v1, v1-relu-before-add or v2")]
    [DataRow("replace_stride_with_dilation", "[true]", "should be 3 booleans, one for each stage after the first, but has 1 booleans")]
    [DataRow("replace_stride_with_dilation", "[true, false, 3]", "should be a JSON array of booleans")]
    [DataRow("classes", "{}", "'classes' should be a JSON array of names")]
    [DataRow("preset", "[]", "'preset' should be a JSON object")]
    [DataRow("preset", """{"resize_size": 0, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1]}""",
        "resize_size and crop_size from 1")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "spline", "mean": [0, 0, 0], "std": [1, 1, 1]}""",
        "interpolation bilinear, bicubic, nearest, box, hamming, lanczos")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0], "std": [1, 1, 1]}""",
        "three means")]
    [DataRow("classes", """["cat", null]""", "the name of class 1 is empty")]
    [DataRow("classes", """[" ", "dog"]""", "the name of class 0 is empty")]
    [DataRow("classes", """["cat", 3]""", "'classes' should be a JSON array of names")]
    [DataRow("classes", """["a", "b", "c"]""", "should be 2 names, but has 3 names")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "mean": [0, 0, 0], "std": [1, 1, 1]}""",
        "resize_size, crop_size, interpolation, mean and std")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": null, "std": [1, 1, 1]}""",
        "three means")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1e99]}""",
        "finite")]
    [DataRow("preset",
        """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1], "channels": "gbr"}""",
        "channels rgb or bgr")]
    [DataRow("preset",
        """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1], "scale": 0}""",
        "a positive scale")]
    [DataRow("preset",
        """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1], "crop_width": 0}""",
        "from 1")]
    [DataRow("preset",
        """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1], "resize_width": 99999}""",
        "from 1")]
    public void Wrong_metadata_says_what_is_needed(string key, string value, string message)
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using (ResNet created = ResNet.Create(Thin)) created.Weights.Save(path, new Dictionary<string, string> { [key] = value });
            StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => ResNet.Load(path)).Message, message);
        }
        finally
        {
            File.Delete(path);
        }
    }

    public static IEnumerable<object[]> Variants => ResNetVariants.Names.Select(name => new object[] { name });

    /// <summary>A conversion's file reads as the network that was written.</summary>
    [TestMethod]
    [DynamicData(nameof(Variants))]
    public void What_is_written_is_read_again(string variant)
    {
        bool odd = variant == ResNetVariants.Names[0];
        ResNetConfig config =
            ResNetVariants.Apply(Thin with { ReplaceStrideWithDilation = [false, true, true] }, ResNetVariants.Parse(variant)!.Value);
        var preset = new ImagePreset
        {
            ResizeSize = 41,
            CropSize = 36,
            Interpolation = Interpolation.Bicubic,
            Mean = (0.1f, 1f / 3, 0.3f),
            Std = (0.4f, 1e-7f, 0.6f),
            ResizeWidth = odd ? 43 : null,
            CropWidth = odd ? 35 : null,
            Channels = odd ? ChannelOrder.Bgr : ChannelOrder.Rgb,
            Scale = odd ? 1 / 127.5 : 1 / 255.0,
        };
        string[] names = ["\"chien\", é 犬\n", "x"];
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        try
        {
            using (ResNet created = ResNet.Create(config)) created.Weights.Save(path, ModelMetadata.Write(config, preset, [.. names]));
            using ResNet loaded = ResNet.Load(path);
            Assert.AreSequenceEqual(config.ReplaceStrideWithDilation, loaded.Config.ReplaceStrideWithDilation);
            Assert.AreEqual(
                config with
                {
                    Name = loaded.Config.Name,
                    Depths = loaded.Config.Depths,
                    ReplaceStrideWithDilation = loaded.Config.ReplaceStrideWithDilation
                },
                loaded.Config);
            Assert.AreEqual(preset, loaded.Preset);
            Assert.AreSequenceEqual(names, loaded.ClassNames);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Only_what_is_known_is_written()
    {
        Assert.AreSequenceEqual(
            ["variant=v1.5"], ModelMetadata.Write(ResNetConfig.ResNet50, null, null).Select(entry => $"{entry.Key}={entry.Value}"));
        Assert.AreEqual("v2", ModelMetadata.Write(ResNetConfig.ResNet18V2, null, null)["variant"]);
    }

    [TestMethod]
    public void What_no_entry_can_say_is_refused_instead_of_lost()
    {
        foreach (ResNetConfig config in new[] { Thin with { ReluBeforeAdd = true }, Thin with { FixedPool = 3 },
            ResNetConfig.ResNet50V1ReluBeforeAdd with { FixedPool = null },
            ResNetConfig.ResNet50V2 with { StridePlacement = StridePlacement.FirstConv1x1 } })
            StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => ModelMetadata.Write(config, null, null)).Message,
                "none of the variants v1.5, v1, v1-relu-before-add, v2");
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(
            () => ModelMetadata.Write(Thin with { BatchNormEpsilon = 1e-3 }, null, null)).Message, "epsilon of 0.001");
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ModelMetadata.Write(Thin, null, ["a", " "])).Message,
            "a name for each of 2 classes");
        StringAssert.Contains(Assert.ThrowsExactly<ResNetException>(() => ModelMetadata.Write(Thin, null, ["a"])).Message,
            "a name for each of 2 classes, but 1 were given");
        Assert.ThrowsExactly<ImageException>(() => ModelMetadata.Write(Thin, new ImagePreset { Mean = (float.NaN, 0, 0) }, null));
    }

    [TestMethod]
    [DataRow("plain é 犬 \U0001F415", "plain é 犬 \U0001F415")]
    [DataRow("\u001b[2J\t", "?[2J?")]
    [DataRow("abc\u202Egpj", "abcgpj")]
    public void Shown_text_cannot_steer_a_terminal(string text, string shown)
    {
        Assert.AreEqual(shown, FileText.OneLine(text));
        Assert.AreEqual(shown, FileText.Clean(text));
    }

    [TestMethod]
    public void Line_breaks_are_spaces_in_a_message_and_marks_in_a_name()
    {
        Assert.AreEqual("a b c", FileText.OneLine("a\r\nb\u2028c"));
        Assert.AreEqual("a??b?c", FileText.Clean("a\r\nb\u2028c"));
    }

    [TestMethod]
    public void Half_a_surrogate_pair_is_a_question_mark() => Assert.AreEqual("a?", FileText.OneLine("a\ud83d"));

    [TestMethod]
    public void Only_short_text_is_cut()
    {
        string text = new('x', 500);
        Assert.AreEqual(text, FileText.OneLine(text));
        Assert.IsLessThan(130, FileText.Clean(text).Length);
    }
}
