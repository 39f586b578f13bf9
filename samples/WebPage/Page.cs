using System.Globalization;
using System.Net;
using System.Text;

namespace IlgpuResNet.Samples.WebPage;

/// <summary>The page as HTML. It needs no script and loads nothing else.</summary>
internal static class Page
{
    public const string Html = "text/html; charset=utf-8";

    private const string Style = """
        :root { color-scheme: light dark; font-family: system-ui, sans-serif; }
        body { max-width: 42rem; margin: 2rem auto; padding: 0 1rem; line-height: 1.5; }
        form { display: flex; flex-wrap: wrap; gap: 0.75rem; padding: 1rem; border: 1px dashed #8888; border-radius: 0.5rem; }
        input, button { font: inherit; }
        input { flex: 1; }
        button { padding: 0.25rem 1rem; }
        table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
        td { padding: 0.25rem 0.5rem; }
        td.share { width: 5rem; text-align: right; font-variant-numeric: tabular-nums; }
        td.bar { width: 45%; }
        td.bar div { height: 0.75rem; min-width: 1px; border-radius: 0.25rem; background: #31688e; }
        img { max-width: 100%; border-radius: 0.5rem; }
        .error { color: #c0392b; }
        """;

    private const string Upload = """
        <form action="/classify" method="post" enctype="multipart/form-data">
          <input type="file" name="image" accept="image/*" required>
          <button>Classify</button>
        </form>
        """;

    public static string Form(Model model, ComputeDevice device) => Whole(
        $"<p>{Encode(model.Name)}, {model.NumClasses} classes, on {Encode(device.Name)}.</p>");

    public static string Answer(IReadOnlyList<Prediction> predictions, byte[] heatmapPng)
    {
        var rows = new StringBuilder("<table id=\"answer\">");
        foreach (Prediction prediction in predictions)
        {
            string percent = (100 * prediction.Probability).ToString("F1", CultureInfo.InvariantCulture);
            rows.Append(CultureInfo.InvariantCulture, $"""
                <tr><td>{Encode(prediction.Label)}</td><td class="share">{percent} %</td>
                <td class="bar"><div style="width: {percent}%"></div></td></tr>
                """);
        }
        return Whole($"""
            {rows}</table>
            <img alt="Heat map of {Encode(predictions[0].Label)}" src="data:image/png;base64,{Convert.ToBase64String(heatmapPng)}">
            """);
    }

    public static string Failure(string message) => Whole($"<p class=\"error\">{Encode(message)}</p>");

    private static string Whole(string content) => $"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <title>Image classifier</title>
        <style>
        {Style}
        </style>
        </head>
        <body>
        <h1>What is in this image?</h1>
        {Upload}
        {content}
        </body>
        </html>
        """;

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
