using System.CommandLine;
using System.Globalization;
using System.Net;
using Spectre.Console;

namespace IlgpuResNet.Cli.Commands;

/// <summary><c>download</c>: brings published weights into the cache, or lists them.</summary>
internal static class DownloadCommand
{
    private const double Million = 1e6;

    public static Command Create(ToolConsole console)
    {
        var named = new NamedWeightsOptions(console);
        var names = new Argument<string[]>("names")
        {
            Description = "Names of weights, such as resnet50:IMAGENET1K_V2, or resnet50 for the network's newest. None: lists them.",
            Arity = ArgumentArity.ZeroOrMore,
            HelpName = "NAME",
        };
        string[] known = [.. ResNetWeights.All.Select(weights => weights.Name)];
        names.CompletionSources.Add(known);
        names.Validators.Add(result =>
        {
            foreach (string name in result.Tokens.Select(token => token.Value).Where(name => ResNetWeights.Parse(name) is null))
            {
                result.AddError(name.StartsWith('-')
                    ? $"{OptionValidation.NoSuchOption} '{name}'"
                    : $"there are no weights '{name}'; the names are {string.Join(", ", known)}");
            }
        });
        Option<string?> mirror = AddressOption("--mirror", "Folder that has the files under their names. Default: PyTorch's.");
        Option<string?> proxy = AddressOption("--proxy", "Proxy to go through. Default: the system's, such as HTTPS_PROXY says.");
        var command = new Command(
            "download",
            "Downloads torchvision's weights into a folder, for use without a network, and checks their hashes; "
                + "lists them with their published accuracy.")
        {
            names, mirror, proxy,
        };
        named.AddTo(command);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            WeightsCache cache = named.Cache(result);
            if (result.GetValue(names) is not { Length: > 0 } chosen)
            {
                WriteTable(console, cache);
                return;
            }
            using HttpClient client = Client(result.GetValue(proxy));
            Uri? folder = result.GetValue(mirror) is { } url ? new Uri(url) : null;
            cache = cache with { VerifyCached = true, HttpClient = client, Mirror = folder };
            foreach (string name in chosen)
                console.Output.WriteLine(await DownloadDisplay.GetAsync(console, cache, ResNetWeights.Parse(name)!, cancellation));
        });
        return command;
    }

    private static Option<string?> AddressOption(string name, string description)
    {
        var option = new Option<string?>(name) { Description = description, HelpName = "URL" };
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [.., { Value: var text }]) return;
            if (!(Uri.TryCreate(text, UriKind.Absolute, out Uri? url) && url.Scheme is "http" or "https"))
                result.AddError($"{option.Name} must be an address such as https://host/folder, but is '{text}'");
        });
        return option;
    }

    private static HttpClient Client(string? proxy)
    {
        var handler = new SocketsHttpHandler();
        if (proxy is not null) handler.Proxy = ProxyOf(new Uri(proxy));
        // The cache has time limits of its own.
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The proxy with the name and password of its address, as the system's settings are read.</summary>
    private static WebProxy ProxyOf(Uri address)
    {
        string[] user = [.. address.UserInfo.Split(':', 2).Select(Uri.UnescapeDataString)];
        var proxy = new WebProxy(address);
        if (address.UserInfo.Length > 0) proxy.Credentials = new NetworkCredential(user[0], user.Length > 1 ? user[1] : "");
        return proxy;
    }

    private static void WriteTable(ToolConsole console, WeightsCache cache)
    {
        Table table = new Table().Border(TableBorder.Simple).AddColumn("weights");
        foreach (string column in (string[])["M parameters", "top-1 %", "top-5 %", "resize", "crop"])
            table.AddColumn(new TableColumn(column).RightAligned());
        table.AddColumn("here");
        foreach (ResNetWeights weights in ResNetWeights.All)
        {
            table.AddRow(
                weights.Name,
                Text(weights.ParameterCount / Million, "F1"),
                Text(weights.Top1Accuracy, "F3"),
                Text(weights.Top5Accuracy, "F3"),
                Text(weights.Preset.ResizeSize, "F0"),
                Text(weights.Preset.CropSize, "F0"),
                cache.Contains(weights) ? "yes" : "");
        }
        console.Ansi.Write(table);
        console.Output.WriteLine($"accuracy as published by torchvision, on ImageNet-1k; files in {cache.Folder}");
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
