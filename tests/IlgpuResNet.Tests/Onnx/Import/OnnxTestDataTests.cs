using System.Collections.Immutable;
using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Onnx;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// ONNX's own test vectors, as Debian's libonnx-testdata has them: every case that is made of our operators alone gives the
/// expected output at the data's own tolerance, or is refused with a reason. Prints how many ran and what was refused.
/// The first input is the network's, all others are taken for constants. Inconclusive where the data is not installed.
/// </summary>
public abstract class OnnxTestDataTests(BackEnd backEnd)
{
    /// <summary>ONNX's defaults (onnx/backend/test/case/test_case.py).</summary>
    private const double RelativeTolerance = 1e-3, AbsoluteTolerance = 1e-7;

    /// <summary>Fewer that run mean that something is refused which was not: version 1.12 of the data has fewest.</summary>
    private const int FewestRun = 140;

    /// <summary>Name of the test parameter that says where the data is.</summary>
    private const string DataParameter = "OnnxDataFolder";

    /// <summary>Name of the test parameter that makes absent data a failure.</summary>
    private const string RequireOnnxData = nameof(RequireOnnxData);

    private static readonly string[] Groups = ["node", "pytorch-converted", "pytorch-operator", "simple"];

    private static readonly HashSet<string> Operators =
    [
        "Add", "AveragePool", "BatchNormalization", "Clip", "Constant", "ConstantOfShape", "Conv", "Div", "Dropout", "Flatten", "Gemm",
        "GlobalAveragePool",
        "Identity", "MatMul", "MaxPool", "Mul", "Pad", "Relu", "Reshape", "Softmax", "Squeeze", "Sub", "Sum", "Transpose",
    ];

    public required TestContext TestContext { get; set; }

    [TestMethod]
    public void Every_case_of_our_operators_passes_or_is_refused_with_a_reason()
    {
        string data = DataFolder();
        ComputeDevice device = TestDevice.OpenCompute(backEnd, TestContext);
        int ran = 0;
        var refused = new List<string>();
        var wrong = new List<string>();
        foreach (string folder in Groups.SelectMany(group => Directory.EnumerateDirectories(Path.Combine(data, group))).Order(
            StringComparer.Ordinal))
        {
            string name = Path.GetRelativePath(data, folder);
            try
            {
                if (!IsOurs(Path.Combine(folder, "model.onnx"))) continue;
                foreach (string set in Directory.EnumerateDirectories(folder, "test_data_set_*"))
                {
                    if (Run(device, folder, set) is { } difference) wrong.Add($"{name}: {difference}");
                }
                ran++;
            }
            catch (ResNetException e)
            {
                refused.Add($"{name}: {e.Message.Replace(Path.Combine(folder, "model.onnx") + ": ", "", StringComparison.Ordinal)}");
            }
            catch (Exception e)
            {
                wrong.Add($"{name}: {e}");
            }
        }
        TestContext.WriteLine($"{ran} cases ran on {device.Id}, {refused.Count} were refused:");
        foreach (string line in refused) TestContext.WriteLine($"  {line}");
        Assert.IsEmpty(wrong, string.Join('\n', wrong));
        Assert.IsGreaterThanOrEqualTo(FewestRun, ran, string.Join('\n', refused));
    }

    /// <summary>
    /// A ResNet-50 with constants for weights and the answer that goes with it; the input is as ONNX's test runner makes it.
    /// </summary>
    [TestMethod]
    public void The_light_ResNet50_gives_its_answer()
    {
        string model = Path.Combine(DataFolder(), "light", "light_resnet50.onnx");
        if (!File.Exists(model)) Assert.Inconclusive("This version of libonnx-testdata has no light models.");
        using OnnxModel network = OnnxModel.Load(model);
        using var session = new InferenceSession(
            network, TestDevice.OpenCompute(backEnd, TestContext), new SessionOptions { Outputs = network.OutputNames });
        float[] input = new float[session.Input.Length];
        for (int i = 0; i < input.Length; i++) input[i] = (float)(i / (double)input.Length);
        float[] output = new float[session.Outputs[0].Length];
        session.Run(input, [output]);
        double[] expected = OnnxTensor.LoadPb(Path.ChangeExtension(model, null) + "_output_0.pb").ToDoubleArray();
        TestData.AssertClose(expected, output, value => AbsoluteTolerance + RelativeTolerance * Math.Abs(value), "light_resnet50");
    }

    private string DataFolder()
    {
        string data = TestContext.Properties.TryGetValue(DataParameter, out object? given) && given is string folder ? folder
            : "/usr/share/libonnx-testdata/data";
        if (!Directory.Exists(Path.Combine(data, Groups[0])))
        {
            const string Missing = "Debian's libonnx-testdata is not installed.";
            if (TestContext.Properties.TryGetValue(RequireOnnxData, out object? required) && required is "true") Assert.Fail(Missing);
            Assert.Inconclusive(Missing);
        }
        return data;
    }

    private static bool IsOurs(string model)
    {
        using OnnxFile file = OnnxFile.Load(model);
        return file.Graph.Nodes.Length > 0 && file.Graph.Nodes.All(node => Operators.Contains(node.OpType));
    }

    /// <summary>Null when all outputs are right.</summary>
    private static string? Run(ComputeDevice device, string folder, string set)
    {
        string path = Path.Combine(folder, "model.onnx");
        ImmutableArray<string> inputs, outputs;
        using (OnnxFile file = OnnxFile.Load(path))
        {
            inputs = [.. file.Graph.Inputs.Where(input => !file.Graph.Initializers.ContainsKey(input.Name)).Select(input => input.Name)];
            outputs = [.. file.Graph.Outputs.Select(output => output.Name)];
        }
        StateTensor[] given = [.. inputs.Select((name, i) => Load(set, $"input_{i}", name))];
        using OnnxModel model = OnnxModel.Load(path, preset: null, [.. given.Skip(1)]);
        (int? height, int? width) = given is [] ? (null, null) : model.SizeOf(given[0].Shape.AsSpan());
        using var session = new InferenceSession(model, device, new SessionOptions
        {
            MaxBatch = 1,
            Outputs = outputs,
            Height = height,
            Width = width,
        });
        float[] values = given[0].ToSingleArray();
        int images = session.Input.HasBatch ? given[0].Shape[0] : 1;
        float[][] results = [.. session.Outputs.Select(output => new float[images * output.Length])];
        for (int image = 0; image < images; image++)
        {
            Memory<float>[] places = [.. results.Select(
                (result, i) => result.AsMemory(image * session.Outputs[i].Length, session.Outputs[i].Length))];
            session.Run(values.AsSpan(image * session.Input.Length, session.Input.Length), places);
        }
        for (int i = 0; i < results.Length; i++)
        {
            StateTensor expected = Load(set, $"output_{i}", outputs[i]);
            TensorInfo info = session.Outputs[i];
            ImmutableArray<int> shape = info.HasBatch ? [images, .. info.Shape] : info.Shape;
            if (!shape.SequenceEqual(expected.Shape))
                return $"output {i} is {FileText.Shape(shape)}, expected {FileText.Shape(expected.Shape)}";
            double[] right = expected.ToDoubleArray();
            int off = Enumerable.Range(0, right.Length).FirstOrDefault(k => !IsClose(right[k], results[i][k]), -1);
            if (off >= 0) return string.Create(
                CultureInfo.InvariantCulture, $"output {i}, element {off} is {results[i][off]:R}, expected {right[off]:R}");
        }
        return null;
    }

    private static bool IsClose(double expected, float actual) =>
        double.IsNaN(expected) ? float.IsNaN(actual)
            : expected == actual || Math.Abs(expected - actual) <= AbsoluteTolerance + RelativeTolerance * Math.Abs(expected);

    private static BytesTensor Load(string set, string file, string name)
    {
        StateTensor tensor = OnnxTensor.LoadPb(Path.Combine(set, file + ".pb"));
        return new BytesTensor { Name = name, Shape = tensor.Shape, DataType = tensor.DataType, Values = tensor.ToByteArray() };
    }
}

[TestClass, TestCategory("OnnxTestData")]
public sealed class OnnxTestDataCpuTests() : OnnxTestDataTests(BackEnd.Cpu);

[TestClass, TestCategory("OnnxTestData"), TestCategory("OpenCL")]
public sealed class OnnxTestDataOpenCLTests() : OnnxTestDataTests(BackEnd.OpenCL);

[TestClass, TestCategory("OnnxTestData"), TestCategory("Cuda")]
public sealed class OnnxTestDataCudaTests() : OnnxTestDataTests(BackEnd.Cuda);
