using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace IlgpuResNet.Cli;

/// <summary>The result of one image in JSON: its predictions, or an error.</summary>
internal sealed record ImageResult(
    string Image,
    IReadOnlyList<Prediction> Predictions,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error)
{
    /// <summary>Names in any script stay readable: the output is a file or a terminal, never part of a web page.</summary>
    private static readonly ImageResultContext Json = new(
        new JsonSerializerOptions(ImageResultContext.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    public static ImageResult Of(ClassifiedImage image) => new(image.Path, image.Predictions, image.Error?.Message);

    public static string ToJson(IReadOnlyList<ImageResult> results) =>
        TerminalText.Json(JsonSerializer.Serialize(results, Json.IReadOnlyListImageResult));

    public static string Percent(float probability) => probability.ToString("P1", CultureInfo.InvariantCulture);
}

/// <summary>JSON of the tool's results.</summary>
[JsonSerializable(typeof(IReadOnlyList<ImageResult>))]
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(FiniteNumberConverter)])]
internal sealed partial class ImageResultContext : JsonSerializerContext;

/// <summary>Writes NaN and infinity, which JSON does not have, as null.</summary>
internal sealed class FiniteNumberConverter : JsonConverter<float>
{
    public override float Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType is JsonTokenType.Null ? float.NaN : reader.GetSingle();

    public override void Write(Utf8JsonWriter writer, float value, JsonSerializerOptions options)
    {
        if (float.IsFinite(value)) writer.WriteNumberValue(value);
        else writer.WriteNullValue();
    }
}
