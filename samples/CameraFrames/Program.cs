// Frames of a camera, a screen or a video, as raw BGR pixels on the standard input, the way ffmpeg writes them:
//   ffmpeg -f v4l2 -i /dev/video0 -f rawvideo -pix_fmt bgr24 -s 640x480 - | dotnet run --project samples/CameraFrames -- 640 480 [weights]
// An app with windows posts the frames of its capture library's callback instead.
using IlgpuResNet;

const int BytesPerPixel = 3;
if (args.Length < 2 || !int.TryParse(args[0], out int width) || !int.TryParse(args[1], out int height) || width < 1 || height < 1)
{
    Console.Error.WriteLine("Name the size of the frames: CameraFrames WIDTH HEIGHT [WEIGHTS]");
    return 2;
}

using ImageClassifier classifier = await ImageClassifier.LoadAsync(args.ElementAtOrDefault(2) ?? "resnet50:IMAGENET1K_V2");

// The handler runs on the classifier's thread: print, or hand the answer to a window, and return.
using var frames = new FrameClassifier(classifier, (in FrameResult frame) => Console.WriteLine(
    frame.Error?.Message
    ?? $"{frame.Number}: {frame.Predictions[0].Label} {frame.Predictions[0].Probability:P0}, {frame.Latency.TotalMilliseconds:F0} ms"));

using Stream camera = Console.OpenStandardInput();
byte[] pixels = new byte[checked(width * height * BytesPerPixel)];
while (camera.ReadAtLeast(pixels, pixels.Length, throwOnEndOfStream: false) == pixels.Length)
{
    // Copies the frame and returns at once. The newest frame is classified next; those that it overtakes are dropped.
    frames.Post(new PixelSpan(pixels, width, height, PixelFormat.Bgr24));
}

while (frames.Classified + frames.Dropped < frames.Posted) await Task.Delay(10);
Console.WriteLine($"{frames.Posted} frames: {frames.Classified} classified, {frames.Dropped} dropped.");
return 0;
