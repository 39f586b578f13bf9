namespace IlgpuResNet.Tests;

/// <summary>Whatever way an image takes through the classifier, its answer is that of a plain session.</summary>
public abstract class ImageClassifierTests(BackEnd backEnd)
{
    private const int Callers = 8;
    private const int TopK = 3;

    private ComputeDevice device = null!;
    private ResNet model = null!;
    private ImageClassifier classifier = null!;

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public void Open()
    {
        device = TestDevice.OpenCompute(backEnd, TestContext);
        model = SmallClassifier.Model();
        classifier = Make(new ClassifierOptions { Batch = 3 });
    }

    [TestCleanup]
    public void Close()
    {
        classifier?.Dispose();
        model?.Dispose();
    }

    [TestMethod]
    public async Task Files_streams_and_pixels_have_one_answer()
    {
        string file = SmallClassifier.Photos[0];
        PixelBuffer image = ImageFile.Load(file);
        Prediction[] expected = Expected(image);
        Assert.HasCount(TopK, expected);
        CollectionAssert.AreEqual(expected, classifier.Classify(image, TopK), "pixels");
        CollectionAssert.AreEqual(expected, await classifier.ClassifyAsync(image, TopK), "pixels, async");
        CollectionAssert.AreEqual(expected, classifier.Classify(file, TopK), "file");
        CollectionAssert.AreEqual(expected, await classifier.ClassifyAsync(file, TopK), "file, async");
        using FileStream stream = File.OpenRead(file);
        CollectionAssert.AreEqual(expected, classifier.Classify(stream, TopK), "stream");
        stream.Position = 0;
        CollectionAssert.AreEqual(expected, await classifier.ClassifyAsync(stream, TopK), "stream, async");
    }

    [TestMethod]
    public async Task A_folder_gives_a_result_for_each_file_in_order_and_goes_on_after_a_bad_one()
    {
        string[] paths = [.. SmallClassifier.Photos, "missing.jpg", .. SmallClassifier.Photos];
        var progress = new Progress();
        var results = new List<ClassifiedImage>();
        await foreach (ClassifiedImage image in classifier.ClassifyFilesAsync(paths, TopK, progress)) results.Add(image);
        CollectionAssert.AreEqual(paths, results.ConvertAll(image => image.Path));
        foreach (ClassifiedImage image in results)
        {
            if (image.Path == "missing.jpg") StringAssert.StartsWith(image.Error!.Message, "missing.jpg: ");
            else CollectionAssert.AreEqual(Expected(ImageFile.Load(image.Path)), image.Predictions.ToArray(), image.Path);
        }
        CollectionAssert.AreEqual(
            Enumerable.Range(1, paths.Length).Select(
                done => new FileProgress(done, done > SmallClassifier.Photos.Length ? 1 : 0, paths.Length)).ToArray(), progress.Reports);
    }

    [TestMethod]
    public void A_network_with_one_score_chooses_nothing()
    {
        using ResNet single = ResNet.Create(ResNetConfig.ResNet18 with { StemWidth = 8, BaseWidth = 4, NumClasses = 1 }, seed: 1);
        StringAssert.Contains(Assert.ThrowsExactly<GraphException>(() => new ImageClassifier(single, device)).Message, "gives one score");
    }

    /// <summary>
    /// Some are prepared in one launch on the processor, some need one of their own: other sizes, other formats, and more bytes than are
    /// gathered.
    /// </summary>
    [TestMethod]
    public void Images_of_a_run_have_the_bits_of_each_alone()
    {
        PixelBuffer gray = new(SmallClassifier.Image(4).Pixels[..(40 * 36)], 40, 36, PixelFormat.Gray8);
        PixelBuffer[] images =
        [
            SmallClassifier.Image(1), SmallClassifier.Image(2), gray, SmallClassifier.Image(3, 50, 30), SmallClassifier.Image(5, 50, 30),
            SmallClassifier.Image(6),
            SmallClassifier.Image(7, 500, 400), SmallClassifier.Image(8, 500, 400), SmallClassifier.Image(9, 700, 700),
            SmallClassifier.Image(10, 700, 700),
        ];
        using var session = new InferenceSession(model, device, new SessionOptions { MaxBatch = images.Length });
        float[] together = new float[images.Length * SmallClassifier.Classes], alone = new float[SmallClassifier.Classes];
        session.Run(images, together);
        for (int i = 0; i < images.Length; i++)
        {
            session.Run(images[i].Span, alone);
            TestData.AssertSameBits(alone, together.AsSpan(i * SmallClassifier.Classes, SmallClassifier.Classes).ToArray(), $"image {i}");
        }
    }

    [TestMethod]
    public async Task Results_that_were_left_amid_can_be_enumerated_again()
    {
        IAsyncEnumerable<ClassifiedImage> images =
            classifier.ClassifyFilesAsync(SmallClassifier.Photos, options: new ReadAheadOptions { DecodedBytes = 1 });
        for (int i = 0; i < 3; i++)
        {
            await foreach (ClassifiedImage first in images)
            {
                Assert.AreEqual(SmallClassifier.Photos[0], first.Path);
                break;
            }
        }
        var paths = new List<string>();
        await foreach (ClassifiedImage image in images) paths.Add(image.Path);
        CollectionAssert.AreEqual(SmallClassifier.Photos, paths);
    }

    [TestMethod]
    public async Task Callers_at_the_same_time_get_the_answers_of_one_after_the_other()
    {
        PixelBuffer[] images = [.. Enumerable.Range(0, Callers).Select(seed => SmallClassifier.Image(seed, 30 + seed))];
        Prediction[][] expected = [.. images.Select(image => Expected(image))];
        Task<Prediction[]>[] calls = [.. Enumerable.Range(0, 10 * Callers).Select(
            i => classifier.ClassifyAsync(images[i % Callers], TopK))];
        Prediction[][] answers = await Task.WhenAll(calls);
        for (int i = 0; i < answers.Length; i++) CollectionAssert.AreEqual(expected[i % Callers], answers[i], $"call {i}");
        Assert.IsLessThanOrEqualTo(classifier.MaxSessions, classifier.Sessions);
    }

    /// <summary>The others of its batch are answered.</summary>
    [TestMethod]
    public async Task An_image_that_cannot_be_prepared_is_an_error_of_its_own()
    {
        PixelBuffer good = SmallClassifier.Image(1), bad = SmallClassifier.TooNarrow();
        ImageClassifier.ClassifiedBatch batch = await classifier.ClassifyBatchAsync([good, bad, good], TopK, CancellationToken.None);
        StringAssert.Contains(batch.Errors[1]!.Message, "too narrow");
        CollectionAssert.AreEqual(Expected(good), batch.Predictions[0]);
        CollectionAssert.AreEqual(Expected(good), batch.Predictions[2]);
        Assert.ThrowsExactly<ImageException>(() => classifier.Classify(bad));
        await Assert.ThrowsExactlyAsync<ImageException>(() => classifier.ClassifyAsync(bad));
        CollectionAssert.AreEqual(Expected(good), classifier.Classify(good, TopK));
    }

    [TestMethod]
    public async Task A_cancelled_call_ends_and_leaves_the_classifier_usable()
    {
        PixelBuffer image = SmallClassifier.Image(2);
        using var cancellation = new CancellationTokenSource();
        Task<Prediction[]>[] calls = [.. Enumerable.Range(0, Callers).Select(
            _ => classifier.ClassifyAsync(image, TopK, cancellation.Token))];
        await cancellation.CancelAsync();
        foreach (Task<Prediction[]> call in calls)
        {
            // Those that were quicker have their answer.
            try
            {
                CollectionAssert.AreEqual(Expected(image), await call);
            }
            catch (OperationCanceledException)
            {
            }
        }
        await Assert.ThrowsAsync<OperationCanceledException>(() => classifier.ClassifyAsync(image, TopK, cancellation.Token));
        CollectionAssert.AreEqual(Expected(image), await classifier.ClassifyAsync(image, TopK));
    }

    [TestMethod]
    public void What_it_is_asked_must_make_sense()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => classifier.Classify(SmallClassifier.Image(1), 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => classifier.ClassifyFilesAsync([], 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => classifier.ClassifyFilesAsync([], options: new ReadAheadOptions { Workers = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Make(new ClassifierOptions { Batch = 0 }));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Make(new ClassifierOptions { MemoryBudget = 0 }));
        Assert.HasCount(SmallClassifier.Classes, classifier.Classify(SmallClassifier.Image(1), int.MaxValue));
    }

    [TestMethod]
    public async Task Disposing_twice_is_one_and_later_calls_say_so()
    {
        classifier.Dispose();
        classifier.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => classifier.Classify(SmallClassifier.Image(1)));
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => classifier.ClassifyAsync(SmallClassifier.Image(1)));
        Assert.HasCount(TopK, Expected(SmallClassifier.Image(1)), "the model is its maker's");
    }

    [TestMethod]
    public async Task A_file_of_weights_is_loaded_and_closed_with_the_classifier()
    {
        using var folder = new WeightsFolder();
        string path = folder.PathOf("small.safetensors");
        using (ResNet saved =
            ResNet.Create(ResNetConfig.ResNet18 with { StemWidth = 4, BaseWidth = 4, NumClasses = 5 }, 1)) saved.Weights.Save(path);
        using (ImageClassifier loaded = await ImageClassifier.LoadAsync(path, device)) Assert.HasCount(
            5, loaded.Classify(SmallClassifier.Photos[0]));
        Assert.ThrowsExactly<WeightsException>(() => ImageClassifier.Load(folder.PathOf("nowhere.pth"), device));
    }

    private ImageClassifier Make(ClassifierOptions options) => new(model, device, options);

    // A session of the same batch: on a GPU that decides the algorithms (Numerics.Fast).
    private Prediction[] Expected(PixelSpan image)
    {
        using var session = new InferenceSession(model, device, new SessionOptions { MaxBatch = classifier.Batch });
        return session.Classify(image, TopK);
    }

    private sealed class Progress : IProgress<FileProgress>
    {
        public List<FileProgress> Reports { get; } = [];

        public void Report(FileProgress value) => Reports.Add(value);
    }
}

[TestClass]
public sealed class ImageClassifierCpuTests() : ImageClassifierTests(BackEnd.Cpu);

[TestClass, TestCategory("OpenCL")]
public sealed class ImageClassifierOpenCLTests() : ImageClassifierTests(BackEnd.OpenCL);

[TestClass, TestCategory("Cuda")]
public sealed class ImageClassifierCudaTests() : ImageClassifierTests(BackEnd.Cuda);
