using Avalonia.Controls;
using Avalonia.Interactivity;
using Avalonia.Media.Imaging;
using Avalonia.Platform.Storage;

namespace IlgpuResNet.Samples.AvaloniaView;

/// <summary>
/// A view to put into any Avalonia window: a button that opens an image, the image with its heat map, and the five most probable classes.
/// The network loads in the background; nothing waits on the window's thread. Dispose the view with its window.
/// </summary>
public sealed class ClassifierView : UserControl, IDisposable
{
    private const int Shown = 5;

    private readonly CancellationTokenSource closing = new();
    private readonly Task<ClassActivationMapper> loading;
    private readonly Button open = new() { Content = "Open an image..." };
    private readonly Image image = new() { MaxHeight = 480 };
    private readonly TextBlock answer = new();

    /// <summary>Begins to load the network.</summary>
    /// <param name="weights">A file, or a name of published weights, which are downloaded once.</param>
    public ClassifierView(string weights)
    {
        loading = Task.Run(async () => new ClassActivationMapper(await Model.LoadAsync(weights, cancellation: closing.Token)));
        open.Click += Open;
        Content = new StackPanel { Spacing = 8, Children = { open, image, answer } };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        closing.Cancel();
        _ = loading.ContinueWith(
            static loaded =>
            {
                loaded.Result.Dispose();
                loaded.Result.Model.Dispose();
            },
            TaskContinuationOptions.OnlyOnRanToCompletion);
        closing.Dispose();
    }

    private async void Open(object? sender, RoutedEventArgs e)
    {
        open.IsEnabled = false;
        try
        {
            var choice = new FilePickerOpenOptions { FileTypeFilter = [FilePickerFileTypes.ImageAll] };
            IReadOnlyList<IStorageFile> files = await TopLevel.GetTopLevel(this)!.StorageProvider.OpenFilePickerAsync(choice);
            if (files.Count > 0) await Show(files[0]);
        }
        catch (Exception error) when (error is ResNetException or OperationCanceledException or IOException)
        {
            // A ResNetException is one line that says what is wrong and what to do.
            answer.Text = error.Message;
        }
        finally
        {
            open.IsEnabled = true;
        }
    }

    private async Task Show(IStorageFile file)
    {
        await using Stream stream = await file.OpenReadAsync();
        (Prediction[] predictions, Bitmap picture) = await Task.Run(() => Classify(stream, file.Name), closing.Token);
        image.Source = picture;
        answer.Text = string.Join('\n', predictions.Select(prediction => $"{prediction.Probability:P1} {prediction.Label}"));
    }

    private async Task<(Prediction[] Predictions, Bitmap Heatmap)> Classify(Stream stream, string name)
    {
        PixelBuffer pixels = ImageFile.Load(stream, name);
        ClassActivations activations = await (await loading).RunAsync(pixels, closing.Token);
        using var png = new MemoryStream();
        ImageFile.Codec.EncodePng(HeatmapFigure.Draw(activations.Map(), pixels), png);
        png.Position = 0;
        return (activations.Predictions(Shown), new Bitmap(png));
    }
}
