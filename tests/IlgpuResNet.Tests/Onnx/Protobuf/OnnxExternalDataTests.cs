using IlgpuResNet.Onnx;

namespace IlgpuResNet.Tests;

/// <summary>A model reaches no file outside its own folder.</summary>
[TestClass]
public sealed class OnnxExternalDataTests : IDisposable
{
    private readonly OnnxFolder folder = new();

    public OnnxExternalDataTests()
    {
        folder.Write("w.bin", new byte[8]);
        Directory.CreateDirectory(folder.PathOf("sub"));
    }

    public void Dispose() => folder.Dispose();

    [TestMethod]
    [DataRow("w.bin")]
    [DataRow("./w.bin")]
    [DataRow(".//w.bin")]
    public void A_file_in_the_folder_is_read(string location)
    {
        using OnnxFile file = OnnxFile.Load(folder.Write("model.onnx", Model(location, "4", "4")));
        Assert.AreEqual(0f, file.Graph.Initializers["w"].ToArray().Single());
    }

    [TestMethod]
    [DataRow("/etc/hostname")]
    [DataRow("..")]
    [DataRow("../w.bin")]
    [DataRow("sub/../w.bin")]
    [DataRow("sub/../../w.bin")]
    [DataRow("..\\w.bin")]
    [DataRow("sub\\w.bin")]
    [DataRow("C:w.bin")]
    [DataRow("C:/w.bin")]
    [DataRow("//server/share/w.bin")]
    [DataRow("w.bin\0.txt")]
    [DataRow("")]
    [DataRow(".")]
    [DataRow("./")]
    public void A_path_that_may_lead_out_of_the_folder_is_refused(string location) =>
        folder.Refused(Model(location), "only a path inside the model's folder is allowed, with forward slashes and without '..'");

    [TestMethod]
    public void A_path_longer_than_any_is_refused() => folder.Refused(Model(new string('a', 513)), "at most 512 characters");

    [TestMethod]
    [DataRow("w.bin", "8", null, "claims 4 bytes from byte 8 of w.bin, which has 8; the file may be cut off")]
    [DataRow("w.bin", "5", "4", "claims 4 bytes from byte 5 of w.bin")]
    [DataRow("w.bin", "9223372036854775807", null, "claims 4 bytes from byte 9223372036854775807")]
    [DataRow("w.bin", "9223372036854775808", null, "has offset 9223372036854775808, which is not a whole number")]
    [DataRow("w.bin", "-1", null, "has offset -1, which is not a whole number")]
    [DataRow("w.bin", "0x1", null, "has offset 0x1")]
    [DataRow("w.bin", "", null, "has offset , which is not a whole number")]
    [DataRow("w.bin", "0", "8", "claims 8 bytes where the tensor needs 4")]
    [DataRow("w.bin", "0", "0", "claims 0 bytes where the tensor needs 4")]
    [DataRow("none.bin", null, null, "there is no such file; it belongs beside the model")]
    [DataRow("sub", null, null, "it is a folder")]
    [DataRow("w.bin/x", null, null, "there is no such file")]
    [DataRow(null, null, null, "tensor w has no location")]
    public void A_place_that_is_not_there_is_refused(string? location, string? offset, string? length, string part) =>
        folder.Refused(Model(location, offset, length), part);

    [TestMethod]
    public void A_file_without_content_is_refused()
    {
        folder.Write("empty.bin", []);
        folder.Refused(Model("empty.bin"), "which is empty or no regular file");
    }

    [TestMethod]
    public void Links_may_lead_about_the_folder_but_not_out_of_it()
    {
        if (OperatingSystem.IsWindows()) Assert.Inconclusive("links need a privilege on Windows");
        Directory.CreateDirectory(folder.PathOf("model"));
        Directory.CreateDirectory(folder.PathOf("model/sub"));
        Directory.CreateDirectory(folder.PathOf("model2"));
        File.WriteAllBytes(folder.PathOf("model/w.bin"), new byte[4]);
        File.WriteAllBytes(folder.PathOf("model2/w.bin"), new byte[4]);
        File.CreateSymbolicLink(folder.PathOf("model/inside"), "sub/../w.bin");
        File.CreateSymbolicLink(folder.PathOf("model/outside"), "../w.bin");
        File.CreateSymbolicLink(folder.PathOf("model/absolute"), "/etc/hostname");
        File.CreateSymbolicLink(folder.PathOf("model/twice"), "outside");
        File.CreateSymbolicLink(folder.PathOf("model/sibling"), "../model2");
        File.CreateSymbolicLink(folder.PathOf("model/up"), "..");
        File.CreateSymbolicLink(folder.PathOf("model/circle"), "circle");
        File.CreateSymbolicLink(folder.PathOf("way"), "model");

        foreach (string name in new[] { "model/m.onnx", "way/m.onnx" })
        {
            using OnnxFile file = OnnxFile.Load(folder.Write(name, Model("inside")));
            Assert.AreEqual(0f, file.Graph.Initializers["w"].ToArray().Single());
        }
        foreach (string location in new[] { "outside", "absolute", "twice", "sibling/w.bin", "up/w.bin" })
            OnnxFolder.Refused(folder.Write("model/m.onnx", Model(location)), "a link that leads out of the model's folder");
        OnnxFolder.Refused(folder.Write("model/m.onnx", Model("circle")), "too many links");
    }

    [TestMethod]
    public void Pipes_and_devices_are_refused_unopened()
    {
        if (!OperatingSystem.IsLinux()) Assert.Inconclusive("Linux only");
        using var pipe = System.Diagnostics.Process.Start("mkfifo", folder.PathOf("pipe"));
        pipe.WaitForExit();
        folder.Refused(Model("pipe"), "which is empty or no regular file");
    }

    [TestMethod]
    public void Data_may_be_shared_but_not_without_end()
    {
        OnnxFile.Load(folder.Write("shared.onnx", Shared(4))).Dispose();
        folder.Refused(Shared(1000), "and others claim the same bytes again and again");
    }

    [TestMethod]
    public void A_single_tensor_has_none()
    {
        byte[] tensor = Tensor("w", "w.bin", null, null);
        string path = folder.Write("tensor.pb", tensor);
        StringAssert.Contains(Assert.ThrowsExactly<WeightsException>(() => OnnxTensor.LoadPb(path)).Message,
            "has its values in another file, which is not allowed here", StringComparison.Ordinal);
    }

    private static byte[] Shared(int tensors) => OnnxFolder.Model(OnnxMessages.Message(graph =>
    {
        for (int i = 0; i < tensors; i++) graph.WriteMessage(GraphField.Initializer, Tensor($"w{i}", "w.bin", null, null));
    }));

    private static byte[] Model(string? location, string? offset = null, string? length = null) =>
        OnnxFolder.Model(OnnxMessages.Message(graph => graph.WriteMessage(GraphField.Initializer, Tensor("w", location, offset, length))));

    private static byte[] Tensor(string name, string? location, string? offset, string? length) => OnnxMessages.Message(output =>
    {
        output.WriteInt(TensorField.Dims, 1);
        output.WriteInt(TensorField.DataType, OnnxElementType.Float);
        output.WriteText(TensorField.Name, name);
        if (location is not null) output.WriteMessage(TensorField.ExternalData, OnnxMessages.Entry(ExternalDataKey.Location, location));
        if (offset is not null) output.WriteMessage(TensorField.ExternalData, OnnxMessages.Entry(ExternalDataKey.Offset, offset));
        if (length is not null) output.WriteMessage(TensorField.ExternalData, OnnxMessages.Entry(ExternalDataKey.Length, length));
        output.WriteInt(TensorField.DataLocation, OnnxDataLocation.External);
    });
}
