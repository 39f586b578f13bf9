using IlgpuResNet.Models;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>Metadata that JSON allows and a network does not; and text from files as messages show it.</summary>
[TestClass]
public sealed class ModelMetadataTests
{
    private static readonly ResNetConfig Thin = ResNetConfig.ResNet50 with { StemWidth = 4, BaseWidth = 2, NumClasses = 2 };

    [TestMethod]
    [DataRow("variant", "v7", "'variant' should be v1.5, v1 or note")]
    [DataRow("classes", "{}", "'classes' should be a JSON array of names")]
    [DataRow("preset", "[]", "'preset' should be a JSON object")]
    [DataRow("preset", """{"resize_size": 0, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1]}""", "resize_size and crop_size from 1")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "nearest", "mean": [0, 0, 0], "std": [1, 1, 1]}""", "bilinear or bicubic")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0], "std": [1, 1, 1]}""", "three means")]
    [DataRow("classes", """["cat", null]""", "the name of class 1 is empty")]
    [DataRow("classes", """[" ", "dog"]""", "the name of class 0 is empty")]
    [DataRow("classes", """["cat", 3]""", "'classes' should be a JSON array of names")]
    [DataRow("classes", """["a", "b", "c"]""", "should be 2 names, but has 3 names")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "mean": [0, 0, 0], "std": [1, 1, 1]}""", "resize_size, crop_size, interpolation, mean and std")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": null, "std": [1, 1, 1]}""", "three means")]
    [DataRow("preset", """{"resize_size": 40, "crop_size": 36, "interpolation": "bicubic", "mean": [0, 0, 0], "std": [1, 1, 1e99]}""", "finite")]
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

    [TestMethod]
    [DataRow("plain é 犬 \U0001F415", "plain é 犬 \U0001F415")]
    [DataRow("\u001b[2J\t", "?[2J?")]
    [DataRow("abc\u202Egpj", "abcgpj")]
    public void Shown_text_cannot_steer_a_terminal(string text, string shown)
    {
        Assert.AreEqual(shown, Message.OneLine(text));
        Assert.AreEqual(shown, Message.Clean(text));
    }

    [TestMethod]
    public void Line_breaks_are_spaces_in_a_message_and_marks_in_a_name()
    {
        Assert.AreEqual("a b c", Message.OneLine("a\r\nb\u2028c"));
        Assert.AreEqual("a??b?c", Message.Clean("a\r\nb\u2028c"));
    }

    [TestMethod]
    public void Half_a_surrogate_pair_is_a_question_mark() => Assert.AreEqual("a?", Message.OneLine("a\ud83d"));

    [TestMethod]
    public void Only_short_text_is_cut()
    {
        string text = new('x', 500);
        Assert.AreEqual(text, Message.OneLine(text));
        Assert.IsLessThan(130, Message.Clean(text).Length);
    }
}
