using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Onnx;
using IlgpuResNet.Planning;
using IlgpuResNet.Weights;

namespace IlgpuResNet.Tests;

/// <summary>
/// Damaged files end in a <see cref="WeightsException"/>, or a <see cref="GraphException"/> where they are networks, or in what can be
/// used, in less than a second and with no more memory than the file justifies; in nothing else. A few by default; <c>--test-parameter
/// Mutations=100000</c> for as many of each kind, <c>MutationSeconds=60</c> for what fits in a minute, <c>MutationSeed=N</c> to start
/// elsewhere.
/// </summary>
[TestClass]
public sealed class MutationTests : IDisposable
{
    private const int Few = 1000;
    private const int Many = 100_000;
    private const int FirstSeed = 20_161;
    private const int Kinds = 4;
    private const int Tries = 4;

    private readonly WeightsFolder folder = new(inMemory: true);

    public required TestContext TestContext { get; init; }

    public void Dispose() => folder.Dispose();

    [TestMethod, TestCategory("Mutation")]
    public void Onnx_files_never_fail_in_another_way()
    {
        string[] names = ["types.onnx", "attributes.onnx", "ir3.onnx", "external.onnx", "written.onnx", "tensor.pb"];
        byte[][] originals = [.. names.Select(name => File.ReadAllBytes(OnnxFolder.Golden(name)))];
        folder.Write("external.bin", File.ReadAllBytes(OnnxFolder.Golden("external.bin")));
        Directory.CreateDirectory(folder.PathOf("part"));
        folder.Write("part/external.bin", File.ReadAllBytes(OnnxFolder.Golden("part/external.bin")));
        Run(names, (random, index) =>
        {
            byte[] content = originals[index];
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                byte[] donor = originals[random.Next(originals.Length)];
                content = random.Next(3) == 0 ? Mutation.Bytes(random, content, donor) : ProtoMutation.Mutate(random, content, donor);
            }
            return content;
        }, Load, error => error is WeightsException);
    }

    /// <summary>The importer, and the plan of what it makes.</summary>
    [TestMethod, TestCategory("Mutation")]
    public void Onnx_networks_never_fail_in_another_way()
    {
        const int Originals = 40;
        OnnxModelToWrite[] models = [.. Enumerable.Range(1, Originals).Select(seed => RandomNetwork.Create(seed).Model)];
        byte[][] originals = [.. models.Select(Bytes)];
        Run([.. Enumerable.Range(1, Originals).Select(seed => $"random{seed}.onnx")], (random, index) =>
        {
            int changes = random.Next(1, 4);
            if (random.Next(3) == 0)
            {
                byte[] content = originals[index];
                for (; changes > 0; changes--) content = ProtoMutation.Mutate(random, content, originals[random.Next(Originals)]);
                return content;
            }
            var mutation = new OnnxGraphMutation(random, Mutation.Number);
            OnnxModelToWrite model = models[index];
            for (; changes > 0; changes--) model = mutation.Mutate(model, models[random.Next(Originals)]);
            return Bytes(model);
        }, LoadNetwork, error => error is WeightsException or GraphException);
    }

    [TestMethod, TestCategory("Mutation")]
    public void Safetensors_and_pth_files_never_fail_in_another_way()
    {
        string[] names = ["views.pth", "views.stream.pth", "checkpoint.pth", "checkpoint.stream.pth", "types.pth", "views.safetensors",
            "checkpoint.safetensors", "types.safetensors"];
        byte[][] originals = [.. names.Select(Weights)];
        Run(names, (random, index) =>
        {
            byte[] content = originals[index], donor = originals[random.Next(originals.Length)];
            bool isSafetensors = names[index].EndsWith(".safetensors", StringComparison.Ordinal);
            bool isZip = !isSafetensors && !names[index].Contains(".stream.", StringComparison.Ordinal);
            bool isSmart = random.Next(2) == 0;
            byte[] changed = isSmart && isSafetensors ? Mutation.Safetensors(random, content)
                : isSmart && isZip ? Mutation.ZipEntry(random, content, donor)
                : Mutation.Bytes(random, content, donor);
            return random.Next(3) == 0 && changed.Length > 0 ? Mutation.Bytes(random, changed, donor) : changed;
        }, Load, error => error is WeightsException);
    }

    /// <summary>Checkpoints, pickled modules and TorchScript archives, up to the network that is recognised.</summary>
    [TestMethod, TestCategory("Mutation")]
    public void Checkpoints_never_fail_in_another_way()
    {
        string[] names = ["1.pth", "2.pth", "3.pth", "4.pth", "6.pth", "9.pth", "11.safetensors"];
        byte[][] originals = [.. names.Select(name => File.ReadAllBytes(CheckpointTests.PathOf(name)))];
        Run(names, (random, index) =>
        {
            byte[] content = originals[index], donor = originals[random.Next(originals.Length)];
            // One is a stream of pickles, not a zip archive.
            return random.Next(4) == 0 || names[index] is "1.pth" ? Mutation.Bytes(random, content, donor)
                : names[index].EndsWith(".safetensors", StringComparison.Ordinal) ? Mutation.Safetensors(random, content)
                : Mutation.ZipEntry(random, content, donor);
        }, LoadResNet, error => error is WeightsException);
    }

    private byte[] Weights(string name)
    {
        if (!name.EndsWith(".safetensors", StringComparison.Ordinal)) return File.ReadAllBytes(WeightsFolder.Golden(name));
        using StateDict weights = StateDict.Load(WeightsFolder.Golden(Path.ChangeExtension(name, ".pth")));
        weights.Save(folder.PathOf(name));
        return File.ReadAllBytes(folder.PathOf(name));
    }

    private void Run(string[] names, Func<Random, int, byte[]> mutate, Func<string, Loaded> load, Predicate<ResNetException> isRefusal)
    {
        int seconds = Parameter("MutationSeconds", 0);
        int count = Parameter("Mutations", seconds > 0 ? Many : Few);
        int first = Parameter("MutationSeed", FirstSeed);
        long start = Stopwatch.GetTimestamp();
        int done = 0, refused = 0;
        for (; done < count && (seconds == 0 || Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(seconds) / Kinds); done++)
        {
            var random = new Random(first + done);
            int index = random.Next(names.Length);
            string where = $"{names[index]} mutated with seed {first + done}";
            byte[] content = mutate(random, index);
            string path = folder.Write("mutated" + Path.GetExtension(names[index]), content);
            if (!TryRead(path, content.Length, where, load, isRefusal)) refused++;
        }
        TestContext.WriteLine($"{done} files, {refused} refused, {Stopwatch.GetElapsedTime(start).TotalSeconds:F1} s");
        // Where all is refused at once, or nothing is, the changes are not worth much.
        if (done >= Few)
        {
            Assert.IsGreaterThan(done / 4, refused);
            Assert.IsGreaterThan(done / 20, done - refused);
        }
    }

    /// <summary>Loads a file and reads all its tensors; false when it is refused.</summary>
    private static bool TryRead(string path, int length, string where, Func<string, Loaded> load, Predicate<ResNetException> isRefusal)
    {
        long allowed = 2L * length + (16 << 20);
        long before = GC.GetAllocatedBytesForCurrentThread();
        long start = Stopwatch.GetTimestamp();
        try
        {
            Loaded loaded = load(path);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            using (loaded.File)
            {
                Assert.IsLessThanOrEqualTo(allowed, allocated, where);
                foreach (StateTensor tensor in loaded.Tensors) tensor.ToArray();
            }
            CheckTime(path, start, where, load);
            return true;
        }
        catch (ResNetException e) when (isRefusal(e))
        {
            Assert.IsLessThanOrEqualTo(allowed, GC.GetAllocatedBytesForCurrentThread() - before, where);
            Assert.IsFalse(e.Message.AsSpan().ContainsAny('\n', '\r'), $"{where}: {e.Message}");
            CheckTime(path, start, where, load);
            return false;
        }
        catch (Exception e) when (e is not UnitTestAssertException)
        {
            throw new AssertFailedException($"{where}: {e}", e);
        }
    }

    /// <summary>A busy machine may take a second for anything, so what seems slow gets more tries.</summary>
    private static void CheckTime(string path, long start, string where, Func<string, Loaded> load)
    {
        TimeSpan least = Stopwatch.GetElapsedTime(start);
        for (int tries = 1; tries < Tries && least >= TimeSpan.FromSeconds(1); tries++)
        {
            start = Stopwatch.GetTimestamp();
            try
            {
                load(path).File?.Dispose();
            }
            catch (ResNetException)
            {
                // Refused again; only the time counts here.
            }
            TimeSpan taken = Stopwatch.GetElapsedTime(start);
            if (taken < least) least = taken;
        }
        Assert.IsLessThan(TimeSpan.FromSeconds(1), least, where);
    }

    private static Loaded Load(string path)
    {
        switch (Path.GetExtension(path))
        {
            case ".onnx":
                OnnxFile model = OnnxFile.Load(path);
                IEnumerable<StateTensor> inAttributes =
                    model.Graph.Nodes.SelectMany(node => node.Attributes.Values).Select(attribute => attribute.T).OfType<StateTensor>();
                return new Loaded(model, model.Graph.InitializersInOrder.Concat(inAttributes.Where(tensor => tensor is not RefusedTensor)));
            case ".pb":
                return new Loaded(null, [OnnxTensor.LoadPb(path)]);
            default:
                StateDict weights = StateDict.Load(path);
                return new Loaded(weights, weights.Values);
        }
    }

    private static Loaded LoadResNet(string path)
    {
        ResNet model = ResNet.Load(path);
        return new Loaded(model, model.Weights.Values);
    }

    private static byte[] Bytes(OnnxModelToWrite model)
    {
        using var stream = new MemoryStream();
        OnnxWriter.Write(stream, model);
        return stream.ToArray();
    }

    private static Loaded LoadNetwork(string path)
    {
        OnnxModel model = OnnxModel.Load(path);
        try
        {
            ExecutionPlan.Create(model);
            return new Loaded(model, model.Weights.Values);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private int Parameter(string name, int otherwise) =>
        TestContext.Properties.TryGetValue(name, out object? value) && value is string text ? int.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;

    private sealed record Loaded(IDisposable? File, IEnumerable<StateTensor> Tensors);
}
