using System.Globalization;
using System.Text.Json;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary><see cref="TensorFile"/>: every format has the values that were written, and wrong calls name what is wrong.</summary>
[TestClass]
public sealed class TensorFileTests : IDisposable
{
    private static readonly string[] RowNames = ["a.jpg", "b, \"c\".jpg"];
    private static readonly float[] Values = [1, -2, 3.5f, float.NaN, float.PositiveInfinity, 0.1f];

    private readonly WeightsFolder folder = new();

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("a.npy")]
    [DataRow("a.NPY")]
    [DataRow("a.pb")]
    public void A_tensor_reads_back(string name)
    {
        string path = folder.PathOf(name);
        TensorFile.Save(path, "y", [2, 1, 3], Values);
        (var shape, float[] values) = TensorFile.Load(path);
        CollectionAssert.AreEqual(new[] { 2, 1, 3 }, shape.ToArray());
        CollectionAssert.AreEqual(Values, values);
    }

    [TestMethod]
    public void Safetensors_and_csv_keep_the_names_of_rows()
    {
        string weights = folder.PathOf("a.safetensors"), table = folder.PathOf("a.csv");
        TensorFile.Save(weights, "y", [2, 3], Values, RowNames);
        using StateDict read = StateDict.Load(weights);
        CollectionAssert.AreEqual(new[] { 2, 3 }, read["y"].Shape.ToArray());
        CollectionAssert.AreEqual(Values, read["y"].ToArray());
        CollectionAssert.AreEqual(RowNames, JsonSerializer.Deserialize<string[]>(read.Metadata["images"]));

        TensorFile.Save(table, "y", [2, 3], Values, RowNames);
        string[] lines = File.ReadAllLines(table);
        Assert.HasCount(3, lines);
        Assert.AreEqual("image,0,1,2", lines[0]);
        StringAssert.StartsWith(lines[2], "\"b, \"\"c\"\".jpg\",");
        float[] last = [.. lines[2].Split(',')[^3..].Select(cell => float.Parse(cell, CultureInfo.InvariantCulture))];
        CollectionAssert.AreEqual(Values[3..], last);
    }

    [TestMethod]
    public void Wrong_arguments_and_files_are_named()
    {
        ArgumentException error = Assert.ThrowsExactly<ArgumentException>(() => TensorFile.Save(folder.PathOf("a.txt"), "y", [6], Values));
        StringAssert.Contains(error.Message, "must end in one of .npy, .pb, .csv, .safetensors");
        error = Assert.ThrowsExactly<ArgumentException>(() => TensorFile.Save(folder.PathOf("a.npy"), "y", [7], Values));
        StringAssert.Contains(error.Message, "shape [7] needs 7 values, but 6 were given");
        error = Assert.ThrowsExactly<ArgumentException>(() => TensorFile.Save(folder.PathOf("a.csv"), "y", [3, 2], Values, RowNames));
        StringAssert.Contains(error.Message, "shape [3, 2] cannot have 2 rows with names");
        Assert.ThrowsExactly<ResNetException>(() => TensorFile.Load(folder.PathOf("none.npy")));
        Assert.ThrowsExactly<WeightsException>(() => TensorFile.Load(folder.PathOf("none.pb")));
        error = Assert.ThrowsExactly<ArgumentException>(() => WeightsConverter.Convert("in.pth", folder.PathOf("out.bin")));
        StringAssert.Contains(error.Message, "must end in one of .pth, .pt, .safetensors, .onnx");
        Assert.IsEmpty(Directory.GetFiles(folder.PathOf("")));
    }
}
