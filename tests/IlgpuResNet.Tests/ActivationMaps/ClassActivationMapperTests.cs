using System.Text.Json;

namespace IlgpuResNet.Tests;

/// <summary>
/// Class activation maps of networks of every kind: against PyTorch in double (data/networks holds the maps and the script that made them),
/// against sums written out here, and against the logits, of which they are the parts.
/// </summary>
public abstract class ClassActivationMapperTests(BackEnd backEnd)
{
    /// <summary>How far the sum of a map's parts may be from the logit, whatever the network.</summary>
    private const double LogitBar = 1e-4;

    /// <summary>The project's bar for whole networks in float32 without Winograd's algorithm, as a relative L2 error.</summary>
    private const double MapBar = 1e-5;

    private const int Callers = 6;
    private const int SomeClass = 4;

    private ComputeDevice device = null!;

    public required TestContext TestContext { get; set; }

    public static IEnumerable<object[]> GoldenNames => GoldenMaps.All.Select(golden => new object[] { golden.Name });

    [TestInitialize]
    public void Open() => device = TestDevice.OpenCompute(backEnd, TestContext);

    [TestMethod]
    [DynamicData(nameof(GoldenNames))]
    public void Maps_are_those_of_PyTorch(string name)
    {
        GoldenMaps expected = GoldenMaps.All.Single(golden => golden.Name == name);
        Golden golden = Network(name);
        using ResNet model = golden.Load();
        using ClassActivationMapper mapper = Mapper(model, golden, Numerics.Exact);
        ClassActivations activations = mapper.Run(FirstImage(golden));
        CollectionAssert.AreEqual(expected.Shape, new[] { activations.Height, activations.Width });
        double difference = 0, size = 0;
        for (int k = 0; k < expected.Maps.Length; k++)
        {
            ReadOnlySpan<float> map = activations.Map(k).Values.Span;
            Assert.AreEqual(expected.Maps[k].Length, map.Length);
            for (int i = 0; i < map.Length; i++)
            {
                difference += Math.Pow(map[i] - expected.Maps[k][i], 2);
                size += Math.Pow(expected.Maps[k][i], 2);
            }
        }
        double error = Math.Sqrt(difference / size);
        TestContext.WriteLine($"{name}: relative L2 error of the maps {error:E2}");
        Assert.IsLessThanOrEqualTo(MapBar, error, name);
    }

    /// <summary>
    /// Also where the pool is smaller than the map, where there is one class or a thousand, and where the stride became a dilation.
    /// </summary>
    [TestMethod]
    [DataRow("resnet18")]
    [DataRow("resnet50-v1")]
    [DataRow("resnet50-v2")]
    [DataRow("resnet50-note")]
    [DataRow("note-pool-leaves-edge")]
    [DataRow("resnext-32-groups")]
    [DataRow("classes-1001")]
    [DataRow("classes-1")]
    [DataRow("half-basic")]
    [DataRow("dilated-last")]
    public void A_logit_is_the_bias_and_the_mean_of_the_map(string name)
    {
        Golden golden = Network(name);
        using ResNet model = golden.Load();
        using ClassActivationMapper mapper = Mapper(model, golden);
        float[] image = FirstImage(golden);
        ClassActivations activations = mapper.Run(image);
        float[] features = Features(model, golden, image), weight = model.Weights["fc.weight"].ToArray(),
            bias = model.Weights["fc.bias"].ToArray();
        int pixels = activations.Height * activations.Width, channels = features.Length / pixels;
        double productTolerance = 4 * TestData.Epsilon * channels * TestData.MaxMagnitude(weight) * TestData.MaxMagnitude(features);
        double worst = 0;
        for (int k = 0; k < bias.Length; k++)
        {
            ClassActivationMap map = activations.Map(k);
            double sum = 0;
            for (int i = 0; i < pixels; i++)
            {
                double expected = 0;
                for (int c = 0; c < channels; c++) expected += (double)weight[k * channels + c] * features[c * pixels + i];
                bool isPooled = golden.Config.FixedPool is not { } side || (i / map.Width < side && i % map.Width < side);
                Assert.AreEqual(isPooled ? expected : 0, map.Values.Span[i], productTolerance, $"{name}: class {k}, pixel {i}");
                sum += map.Values.Span[i];
            }
            Assert.AreEqual(bias[k], map.Bias);
            Assert.AreEqual(bias[k], activations.Bias(k));
            Assert.AreEqual(activations.Logits[k], map.Logit);
            Assert.AreEqual(activations.Probabilities[k], map.Prediction.Probability);
            worst = Math.Max(worst, Math.Abs(sum / map.PooledPixels + map.Bias - map.Logit));
        }
        TestContext.WriteLine(
            $"{name}: mean and bias are at most {worst:E2} from the logit; "
            + $"derived {productTolerance + 4 * TestData.Epsilon * TestData.MaxMagnitude(bias):E2}");
        Assert.IsLessThanOrEqualTo(productTolerance + 4 * TestData.Epsilon * TestData.MaxMagnitude(bias), worst, name);
        Assert.IsLessThanOrEqualTo(LogitBar, worst, name);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void An_ONNX_file_has_the_maps_of_its_network(bool fold)
    {
        using var folder = new WeightsFolder();
        string path = folder.PathOf("network.onnx");
        Golden golden = Network("resnext-3-groups");
        using ResNet model = golden.Load();
        OnnxExport.Save(
            model, path, new OnnxExportOptions { FoldBatchNorms = fold, Height = golden.Input.Shape[2], Width = golden.Input.Shape[3] });
        using OnnxModel onnx = OnnxModel.Load(path);
        float[] image = FirstImage(golden);
        using ClassActivationMapper ours = Mapper(model, golden, Numerics.Exact), imported = Mapper(onnx, golden, Numerics.Exact);
        ClassActivations expected = ours.Run(image), actual = imported.Run(image);
        for (int k = 0; k < model.NumClasses; k++)
        {
            float[] map = expected.Map(k).Values.ToArray();
            TestData.AssertClose(
                Array.ConvertAll(map, value => (double)value), actual.Map(k).Values.ToArray(), 2 * MapBar * TestData.MaxMagnitude(map),
                $"class {k}");
            Assert.AreEqual(actual.Logits[k], actual.Map(k).Values.ToArray().Average(value => (double)value) + actual.Bias(k), LogitBar);
        }
    }

    [TestMethod]
    public void Pixels_give_the_answers_of_a_session_and_results_can_be_used_again()
    {
        using ResNet model = SmallClassifier.Model();
        using var mapper = new ClassActivationMapper(model, device);
        using var session = new InferenceSession(model, device);
        PixelBuffer first = SmallClassifier.Image(1), second = SmallClassifier.Image(2, 70, 50);
        ClassActivations activations = mapper.Run(first);
        float[] map = activations.Map().Values.ToArray(), logits = activations.Logits.ToArray();
        CollectionAssert.AreEqual(session.Classify(first, 3), activations.Predictions(3));
        Assert.AreEqual(activations.Predictions(1)[0], activations.Map().Prediction);
        Assert.HasCount(SmallClassifier.Classes, activations.Predictions(int.MaxValue));

        mapper.Run(second, activations);
        CollectionAssert.AreEqual(session.Classify(second, 3), activations.Predictions(3));
        Assert.IsFalse(logits.AsSpan().SequenceEqual(activations.Logits));
        mapper.Run(first, activations);
        TestData.AssertSameBits(map, activations.Map().Values.Span, "the same again");
        TestData.AssertSameBits(logits, activations.Logits, "the same again");
    }

    [TestMethod]
    public void Callers_at_the_same_time_get_the_maps_of_one_after_the_other()
    {
        using ResNet model = SmallClassifier.Model();
        using var mapper = new ClassActivationMapper(model, device);
        PixelBuffer[] images = [.. Enumerable.Range(0, Callers).Select(seed => SmallClassifier.Image(seed, 30 + seed))];
        float[][] expected = [.. images.Select(image => mapper.Run(image).Map(SomeClass).Values.ToArray())];
        Task[] calls = [.. Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            ClassActivations activations = mapper.CreateActivations();
            for (int i = 0; i < 10; i++)
            {
                int image = (caller + i) % Callers;
                if (i % 2 == 0) mapper.Run(images[image], activations);
                else activations = await mapper.RunAsync(images[image]);
                TestData.AssertSameBits(expected[image], activations.Map(SomeClass).Values.Span, $"caller {caller}, image {image}");
            }
        }))];
        Task.WaitAll(calls, TestContext.CancellationToken);
    }

    [TestMethod]
    public async Task Results_outlive_the_mapper_which_can_be_disposed_twice()
    {
        ResNet model = SmallClassifier.Model();
        var mapper = new ClassActivationMapper(model, device);
        ClassActivations activations = mapper.Run(SmallClassifier.Image(3));
        float[] map = activations.Map(1).Values.ToArray();
        mapper.Dispose();
        mapper.Dispose();
        model.Dispose();
        TestData.AssertSameBits(map, activations.Map(1).Values.Span, "after the end of mapper and model");
        Assert.ThrowsExactly<ObjectDisposedException>(() => mapper.Run(SmallClassifier.Image(3)));
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => mapper.RunAsync(SmallClassifier.Image(3)));
        Assert.ThrowsExactly<ObjectDisposedException>(() => new ClassActivationMapper(model, device));
    }

    [TestMethod]
    public async Task What_it_is_asked_must_make_sense()
    {
        using ResNet model = SmallClassifier.Model();
        using ClassActivationMapper mapper = new(model, device), other = new(model, device);
        ClassActivations activations = mapper.Run(SmallClassifier.Image(3));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => activations.Map(-1));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => activations.Map(SmallClassifier.Classes));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => activations.Bias(SmallClassifier.Classes));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => activations.Predictions(0));
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => activations.CopyMap(0, new float[2])).Message,
            "is [1, 1], 1 floats, but the span has 2");
        StringAssert.Contains(
            Assert.ThrowsExactly<GraphException>(() => other.Run(SmallClassifier.Image(3), activations)).Message, "another mapper");
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => mapper.Run(new float[5])).Message, "multiple of 3072");
        StringAssert.Contains(Assert.ThrowsExactly<ImageException>(() => mapper.Run(SmallClassifier.TooNarrow())).Message, "too narrow");
        using var cancellation = new CancellationTokenSource();
        await cancellation.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => mapper.RunAsync(SmallClassifier.Image(3), cancellation.Token));
    }

    private static Golden Network(string name) => Golden.All.Single(golden => golden.Name == name);

    private static float[] FirstImage(Golden golden)
    {
        float[] images = golden.Input.Values();
        return images[..(images.Length / golden.Input.Shape[0])];
    }

    private ClassActivationMapper Mapper(Model model, Golden golden, Numerics numerics = default) =>
        new(model, device, new SessionOptions { Height = golden.Input.Shape[2], Width = golden.Input.Shape[3], Numerics = numerics });

    /// <summary>The last map <c>[C, P, Q]</c>, from a session of its own.</summary>
    private float[] Features(ResNet model, Golden golden, float[] image)
    {
        string name = model.Config.PreActivation ? "relu" : $"layer{model.Config.Depths.Length}";
        using var session = new InferenceSession(
            model, device, new SessionOptions { Height = golden.Input.Shape[2], Width = golden.Input.Shape[3], Outputs = [name] });
        float[] features = new float[session.Outputs[0].Length];
        session.Run(image, [features]);
        return features;
    }

    /// <summary>One entry of activation-maps.json.</summary>
    private sealed record GoldenMaps(string Name, int[] Shape, double[][] Maps)
    {
        public static IReadOnlyList<GoldenMaps> All { get; } = JsonSerializer.Deserialize<GoldenMaps[]>(
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "data", "networks", "activation-maps.json")),
            JsonSerializerOptions.Web)!;
    }
}

[TestClass]
public sealed class ClassActivationMapperCpuTests() : ClassActivationMapperTests(BackEnd.Cpu)
{
    private const int Runs = 50;

    /// <summary>A session allocates only objects of ILGPU's, for each launch.</summary>
    [TestMethod]
    public void A_run_into_results_that_there_are_allocates_no_more_than_a_session()
    {
        using ResNet model = SmallClassifier.Model();
        using var mapper = new ClassActivationMapper(model, ComputeDevice.Cpu);
        using var session = new InferenceSession(model, ComputeDevice.Cpu);
        PixelBuffer image = SmallClassifier.Image(1);
        ClassActivations activations = mapper.CreateActivations();
        float[] map = new float[activations.Height * activations.Width], logits = new float[SmallClassifier.Classes];
        long plain = Allocated(() => session.Run(image, logits));
        long mapped = Allocated(() =>
        {
            mapper.Run(image, activations);
            activations.CopyMap(1, map);
        });
        Assert.IsLessThanOrEqualTo(plain, mapped);

        static long Allocated(Action run)
        {
            for (int i = 0; i < Runs; i++) run();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < Runs; i++) run();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }
}

[TestClass, TestCategory("OpenCL")]
public sealed class ClassActivationMapperOpenCLTests() : ClassActivationMapperTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class ClassActivationMapperCudaTests() : ClassActivationMapperTests(BackEnd.Cuda);
