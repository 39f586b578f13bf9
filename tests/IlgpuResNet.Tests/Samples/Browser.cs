using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace IlgpuResNet.Tests.Samples;

/// <summary>Headless Chromium through ChromeDriver, by the few requests of WebDriver (https://www.w3.org/TR/webdriver2) that the tests need.</summary>
internal sealed partial class Browser : IDisposable
{
    /// <summary>The key under which WebDriver gives an element's id.</summary>
    private const string ElementKey = "element-6066-11e4-a52e-4f735466cecf";

    private static readonly string[] Arguments =
    [
        "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--window-size=720,1080",
    ];

    private readonly Process driver;
    private readonly HttpClient client;
    private string session = "";

    private Browser(Process driver, HttpClient client)
    {
        this.driver = driver;
        this.client = client;
    }

    /// <summary>Starts ChromeDriver on a free port, and a browser with a profile of its own.</summary>
    public static async Task<Browser> StartAsync(string path, HttpClient client)
    {
        var browser = new Browser(Process.Start(new ProcessStartInfo(path, ["--port=0"]) { RedirectStandardOutput = true })!, client);
        try
        {
            string? line;
            while ((line = await browser.driver.StandardOutput.ReadLineAsync()) is not null && !Port().IsMatch(line)) { }
            browser.session = $"http://127.0.0.1:{Port().Match(line ?? "").Groups[1].Value}/session";
            JsonElement created = await browser.PostAsync("", new
            {
                capabilities = new
                {
                    alwaysMatch = new Dictionary<string, object>
                    {
                        ["browserName"] = "chrome",
                        ["goog:chromeOptions"] = new { args = Arguments }
                    },
                },
            });
            browser.session += $"/{created.GetProperty("sessionId").GetString()}";
            // The answer may take a while on a busy machine: elements are waited for.
            await browser.PostAsync("/timeouts", new { @implicit = 30_000 });
            return browser;
        }
        catch
        {
            browser.Dispose();
            throw;
        }
    }

    public Task OpenAsync(string url) => PostAsync("/url", new { url });

    public async Task TypeAsync(string selector, string text) =>
        await PostAsync($"/element/{await FindAsync(selector)}/value", new { text });

    public async Task ClickAsync(string selector) => await PostAsync($"/element/{await FindAsync(selector)}/click", new { });

    public async Task<string> TextAsync(string selector) => (await GetAsync($"/element/{await FindAsync(selector)}/text")).GetString()!;

    /// <summary>The window as PNG.</summary>
    public async Task<byte[]> ScreenshotAsync() => (await GetAsync("/screenshot")).GetBytesFromBase64();

    public void Dispose()
    {
        driver.Kill(entireProcessTree: true);
        driver.WaitForExit();
        driver.Dispose();
    }

    private async Task<string> FindAsync(string selector) =>
        (await PostAsync("/element", new { @using = "css selector", value = selector })).GetProperty(ElementKey).GetString()!;

    private async Task<JsonElement> PostAsync(string path, object body)
    {
        // In one piece: ChromeDriver takes no chunked bodies.
        using var content = new StringContent(JsonSerializer.Serialize(body));
        using HttpResponseMessage response = await client.PostAsync(new Uri(session + path), content);
        return await ValueAsync(response);
    }

    private async Task<JsonElement> GetAsync(string path)
    {
        using HttpResponseMessage response = await client.GetAsync(new Uri(session + path));
        return await ValueAsync(response);
    }

    private static async Task<JsonElement> ValueAsync(HttpResponseMessage response)
    {
        string text = await response.Content.ReadAsStringAsync();
        Assert.IsTrue(response.IsSuccessStatusCode, text);
        return JsonSerializer.Deserialize<JsonElement>(text).GetProperty("value");
    }

    [GeneratedRegex(@"started successfully on port (\d+)")]
    private static partial Regex Port();
}
