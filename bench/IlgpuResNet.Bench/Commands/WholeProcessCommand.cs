using System.CommandLine;
using IlgpuResNet.Bench.Engines;
using IlgpuResNet.Cli;

namespace IlgpuResNet.Bench.Commands;

/// <summary>
/// A comparison of whole processes of both engines: medians over the rounds; the ratio is the median of the rounds' ratios.
/// </summary>
/// <param name="Model">The network.</param>
/// <param name="Threads">Threads of each engine.</param>
/// <param name="Rounds">Processes of each engine.</param>
/// <param name="Ours">Our figure.</param>
/// <param name="Peer">The peer's figure.</param>
/// <param name="Ratio">Our figure over the peer's.</param>
internal sealed record WholeProcessFigures(string Model, int Threads, int Rounds, double Ours, double Peer, double Ratio);

/// <summary>Makes commands that compare one figure of whole processes of both engines.</summary>
internal static class WholeProcessCommand
{
    /// <summary>Measures the figure of both engines in each round.</summary>
    public delegate Task<PairedRounds> Measurement(ModelFiles files, int threads, int rounds, CancellationToken cancellation);

    /// <param name="command">The command without its options.</param>
    /// <param name="defaultRounds">Usual number of processes of each engine.</param>
    /// <param name="figure">Name of the figure.</param>
    /// <param name="unit">Its unit.</param>
    /// <param name="format">Its format.</param>
    /// <param name="measure">Measures it.</param>
    /// <param name="report">Makes the content of the JSON file.</param>
    public static Command Create<TReport>(
        Command command,
        int defaultRounds,
        string figure,
        string unit,
        string format,
        Measurement measure,
        Func<WholeProcessFigures, TReport> report)
    {
        Option<string?> model = BenchOptions.Model(), json = BenchOptions.Json();
        Option<int> threads = BenchOptions.Threads();
        Option<int> rounds = BenchOptions.Rounds(defaultRounds, "Processes of each engine.");
        foreach (Option option in new Option[] { model, threads, rounds, json }) command.Add(option);
        command.SetCancellableAction(async (result, cancellation) =>
        {
            ResNetConfig config = result.Preset(model);
            int count = result.GetValue(threads);
            using var files = new ModelFiles(config);
            PairedRounds values = await measure(files, count, result.GetValue(rounds), cancellation);
            Console.WriteLine($"{config.Name}, {figure}, {count} threads, {values.Ours.Length} processes of each engine");
            Figures.Print(values, unit, format);
            Figures.WriteJson(result.GetValue(json), report(new WholeProcessFigures(
                config.Name, count, values.Ours.Length,
                Statistics.Of(values.Ours).Median, Statistics.Of(values.Peer).Median, values.Ratio.Median)));
        });
        return command;
    }
}
