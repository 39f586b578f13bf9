// A folder of images, with progress on the error stream; Ctrl-C ends it in order.
//   dotnet run --project samples/ClassifyFolder -- FOLDER [weights]
using IlgpuResNet;

if (args.Length == 0) return Fail("Name a folder: ClassifyFolder FOLDER [WEIGHTS]");

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, press) =>
{
    // The process ends below, once the run under way is over.
    press.Cancel = true;
    stop.Cancel();
};

// Called on a thread of the pool, soon after every file.
var progress = new Progress<FileProgress>(state => Console.Error.Write($"\r{state.Done} of {state.Total}, {state.Failed} failed "));
try
{
    using ImageClassifier classifier =
        await ImageClassifier.LoadAsync(args.ElementAtOrDefault(1) ?? "resnet50:IMAGENET1K_V2", cancellation: stop.Token);
    int images = 0, failed = 0;
    await foreach (ClassifiedImage image in classifier.ClassifyFolderAsync(args[0], topK: 1, progress, cancellation: stop.Token))
    {
        // A damaged file has its error in its result, and the others go on.
        string answer = image.Error?.Message ?? $"{image.Predictions[0].Label} {image.Predictions[0].Probability:P1}";
        Console.WriteLine($"{Path.GetFileName(image.Path)}: {answer}");
        images++;
        if (image.Error is not null) failed++;
    }
    Console.WriteLine($"{images} images, {failed} failed.");
    return 0;
}
catch (OperationCanceledException)
{
    return Fail("Cancelled.");
}
catch (ResNetException e)
{
    // One line that says what is wrong and what to do.
    return Fail(e.Message);
}

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    return 1;
}
