using System.CommandLine;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary>Options that several commands have.</summary>
internal static class BenchOptions
{
    private const int LargestBatch = 4096;
    private const int MostRounds = 1_000_000;

    public static Option<string?> Model()
    {
        var option = new Option<string?>("--model") { Description = "Preset.", DefaultValueFactory = _ => ResNetConfig.ResNet50.Name };
        option.RequireOneOf([.. ResNetConfig.Presets.Select(config => config.Name)]);
        return option;
    }

    public static Option<int> Batch(int batch = 1) => Number("--batch", "Images per run.", batch, LargestBatch);

    public static Option<int> Threads(string description = "Threads of each engine.") =>
        Number("--threads", description, Environment.ProcessorCount, Environment.ProcessorCount);

    public static Option<int> Rounds(int rounds, string description) => Number("--rounds", description, rounds, MostRounds);

    public static Option<int> Runs(int runs) => Number("--runs", "Runs.", runs, MostRounds);

    public static Option<string?> Json()
    {
        var option = new Option<string?>("--json") { Description = "Also write the figures to this file." };
        option.RequirePath();
        // Checked now, not after minutes of measuring.
        option.Validators.Add(result =>
        {
            if (result.Tokens is not [.., { Value: var path }]) return;
            if (Path.GetDirectoryName(path) is { Length: > 0 } folder && !Directory.Exists(folder))
                result.AddError($"{option.Name} must lie in a folder that exists, but there is no '{folder}'");
        });
        return option;
    }

    /// <summary>The preset that <see cref="Model"/> names.</summary>
    public static ResNetConfig Preset(this ParseResult result, Option<string?> model) =>
        ResNetConfig.Presets.Single(config => config.Name == result.GetValue(model));

    private static Option<int> Number(string name, string description, int value, int most)
    {
        var option = new Option<int>(name) { Description = description, DefaultValueFactory = _ => value };
        option.RequireWholeNumber(1, most);
        return option;
    }
}
