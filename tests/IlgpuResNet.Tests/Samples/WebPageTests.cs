using System.Diagnostics;
using System.Net;
using System.Text.RegularExpressions;

namespace IlgpuResNet.Tests.Samples;

/// <summary>The web sample over HTTP and, where a test parameter <c>ChromeDriver</c> names one, in a browser.</summary>
[TestClass]
public sealed partial class WebPageTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process server = SampleProgram.Start("WebPage", "--weights", SampleProgram.Weights, "--urls", "http://127.0.0.1:0");
    private readonly HttpClient client = new() { Timeout = Patience };
    private string address = "";

    public required TestContext TestContext { get; set; }

    [TestInitialize]
    public async Task WaitForServer()
    {
        using var patience = new CancellationTokenSource(Patience);
        _ = server.StandardError.ReadToEndAsync(patience.Token);
        while (await server.StandardOutput.ReadLineAsync(patience.Token) is { } line)
        {
            Match match = Listening().Match(line);
            if (!match.Success) continue;
            address = match.Groups[1].Value;
            // A server whose output nobody reads stops when the pipe is full.
            _ = server.StandardOutput.ReadToEndAsync(CancellationToken.None);
            return;
        }
        Assert.Fail("The server ended before it listened.");
    }

    [TestMethod]
    public async Task An_uploaded_image_gets_its_classes_and_a_heat_map()
    {
        string form = await client.GetStringAsync(new Uri(address));
        StringAssert.Contains(form, "10 classes");
        using HttpResponseMessage response =
            await Upload(await File.ReadAllBytesAsync(SampleProgram.Pullover, TestContext.CancellationToken));
        string page = await response.Content.ReadAsStringAsync(TestContext.CancellationToken);
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, page);
        Assert.AreEqual(5, Regex.Count(page, "<tr>"));
        StringAssert.Contains(page, "<tr><td>Pullover</td>");
        PixelBuffer heatmap = ImageFile.Load(Convert.FromBase64String(Heatmap().Match(page).Groups[1].Value));
        Assert.IsGreaterThan(28, heatmap.Width);
    }

    [TestMethod]
    public async Task A_file_that_is_no_image_gets_one_line()
    {
        using HttpResponseMessage response = await Upload("<script>no image</script>"u8.ToArray());
        Assert.AreEqual(HttpStatusCode.BadRequest, response.StatusCode);
        StringAssert.Contains(await response.Content.ReadAsStringAsync(TestContext.CancellationToken), "class=\"error\">");
    }

    /// <summary>
    /// Chooses a file and presses the button. A test parameter <c>Screenshots</c> names a folder of the checkout for what the browser
    /// shows.
    /// </summary>
    [TestMethod]
    public async Task A_browser_shows_the_answer()
    {
        if (Parameter("ChromeDriver") is not { } driver)
        {
            Assert.Inconclusive("Needs the test parameter ChromeDriver, such as /usr/bin/chromedriver.");
            return;
        }
        using var browser = await Browser.StartAsync(driver, client);
        await browser.OpenAsync(address);
        await browser.TypeAsync("input[type=file]", SampleProgram.Pullover);
        await browser.ClickAsync("button");
        StringAssert.Contains(await browser.TextAsync("#answer tr:first-child"), "Pullover");
        byte[] screenshot = await browser.ScreenshotAsync();
        Assert.IsGreaterThan(100, ImageFile.Load(screenshot).Width);
        if (Parameter("Screenshots") is { } folder)
            await File.WriteAllBytesAsync(
                Path.Combine(SampleProgram.Root, folder, "web-page.png"), screenshot, TestContext.CancellationToken);
    }

    public void Dispose()
    {
        client.Dispose();
        server.Kill(entireProcessTree: true);
        server.WaitForExit();
        server.Dispose();
    }

    private string? Parameter(string name) => TestContext.Properties.TryGetValue(name, out object? value) ? (string?)value : null;

    private Task<HttpResponseMessage> Upload(byte[] file)
    {
        var content = new MultipartFormDataContent { { new ByteArrayContent(file), "image", "image.png" } };
        return client.PostAsync(new Uri($"{address}/classify"), content, TestContext.CancellationToken);
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();

    [GeneratedRegex("src=\"data:image/png;base64,([^\"]+)\"")]
    private static partial Regex Heatmap();
}
