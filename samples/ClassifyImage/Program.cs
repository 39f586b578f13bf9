// The shortest program: an image in, its three most probable classes out.
//   dotnet run --project samples/ClassifyImage -- dog.jpg [weights]
using IlgpuResNet;

if (args.Length == 0) return Fail("Name an image: ClassifyImage IMAGE [WEIGHTS]");

// A name is downloaded once; a file is .pth, .safetensors or .onnx. The first GPU is used, else the processor.
using ImageClassifier classifier = ImageClassifier.Load(args.ElementAtOrDefault(1) ?? "resnet50:IMAGENET1K_V2");
foreach (Prediction prediction in classifier.Classify(args[0], topK: 3))
    Console.WriteLine($"{prediction.Probability,6:P1} {prediction.Label}");
return 0;

static int Fail(string message)
{
    Console.Error.WriteLine(message);
    return 2;
}
