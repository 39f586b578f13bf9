using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using IlgpuResNet.Labels;

namespace IlgpuResNet.Cli;

/// <summary>What came of one picture: answers, or an error.</summary>
internal sealed record ImageResult(string Image, IReadOnlyList<Prediction> Predictions, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error)
{
    public static string ToJson(IReadOnlyList<ImageResult> results) => JsonSerializer.Serialize(results, ImageResultContext.Default.IReadOnlyListImageResult);

    public static string Percent(float probability) => probability.ToString("P1", CultureInfo.InvariantCulture);
}

/// <summary>JSON of the tool's results.</summary>
[JsonSerializable(typeof(IReadOnlyList<ImageResult>))]
[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
internal sealed partial class ImageResultContext : JsonSerializerContext;
