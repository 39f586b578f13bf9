// A web page: choose an image, see its five most probable classes and where in the image the network saw the first.
//   dotnet run --project samples/WebPage -- [--weights FILE] [--urls http://localhost:5000]
using System.Net;
using IlgpuResNet;
using IlgpuResNet.Samples.WebPage;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);

// One network for all requests. It may be called from any thread; runs take turns on the device.
using Model model = await Model.LoadAsync(builder.Configuration["weights"] ?? "resnet50:IMAGENET1K_V2");
using var mapper = new ClassActivationMapper(model);

WebApplication app = builder.Build();
app.MapGet("/", () => Results.Content(Page.Form(model, mapper.Device), Page.Html));
app.MapPost("/classify", async (IFormFile image, CancellationToken cancellation) =>
{
    try
    {
        PixelBuffer pixels = await Decode(image);
        ClassActivations activations = await mapper.RunAsync(pixels, cancellation);
        return Results.Content(Page.Answer(activations.Predictions(topK: 5), HeatmapPng(activations.Map(), pixels)), Page.Html);
    }
    catch (ImageException e)
    {
        return Results.Content(Page.Failure(e.Message), Page.Html, statusCode: (int)HttpStatusCode.BadRequest);
    }
}).DisableAntiforgery();
await app.RunAsync();

static async Task<PixelBuffer> Decode(IFormFile file)
{
    await using Stream stream = file.OpenReadStream();
    return ImageFile.Load(stream, file.FileName);
}

static byte[] HeatmapPng(ClassActivationMap map, PixelBuffer image)
{
    using var png = new MemoryStream();
    ImageFile.Codec.EncodePng(HeatmapFigure.Draw(map, image), png);
    return png.ToArray();
}
