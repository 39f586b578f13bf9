// The images of a folder that are most like one image, by the features that the network's classifier reads.
//   dotnet run --project samples/ImageSearch -- dog.jpg FOLDER [weights]
using System.Numerics.Tensors;
using IlgpuResNet;

const int Shown = 5;
if (args.Length < 2)
{
    Console.Error.WriteLine("Name an image and a folder: ImageSearch IMAGE FOLDER [WEIGHTS]");
    return 2;
}

using Model model = await Model.LoadAsync(args.ElementAtOrDefault(2) ?? "resnet50:IMAGENET1K_V2");
string features = model.FeatureName ?? throw new ResNetException($"{model.Name} has no features before its classifier.");
// Only what the features need is computed.
using var session = new InferenceSession(model, options: new SessionOptions { Outputs = [features] });

float[] wanted = Embed(args[0]);
var likeness = new List<(float Cosine, string File)>();
foreach (string file in ImageFiles.Enumerate(args[1]))
{
    if (Path.GetFullPath(file) == Path.GetFullPath(args[0])) continue;
    try
    {
        likeness.Add((TensorPrimitives.CosineSimilarity(wanted, Embed(file)), file));
    }
    catch (ImageException e)
    {
        Console.Error.WriteLine(e.Message);
    }
}
foreach ((float cosine, string file) in likeness.OrderByDescending(entry => entry.Cosine).Take(Shown))
    Console.WriteLine($"{cosine:F4} {file}");
return 0;

float[] Embed(string file)
{
    float[] vector = new float[session.Outputs[0].Length];
    session.Run(ImageFile.Load(file), [vector]);
    return vector;
}
