using System.Diagnostics;
using System.Globalization;
using IlgpuResNet.Files;

namespace IlgpuResNet.Bench.Engines;

/// <summary>An engine in a process of its own, which is killed when this is disposed.</summary>
internal sealed class EngineProcess : IDisposable
{
    private readonly EngineJob job;
    private readonly Process process;
    private readonly Task<string> errors;

    private EngineProcess(EngineJob job, Process process)
    {
        this.job = job;
        this.process = process;
        errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>Processor time that it has used so far.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime;
        }
    }

    /// <param name="job">Its task.</param>
    /// <param name="switchedOff">Name of an environment variable, a setting of .NET, that is 0 in the process; null for none.</param>
    public static EngineProcess Start(EngineJob job, string? switchedOff = null)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Started as "dotnet X.dll" instead of by the program beside X.dll.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(EngineProcess).Assembly.Location);
        foreach (string argument in job.ToArguments()) start.ArgumentList.Add(argument);
        if (switchedOff is not null) start.Environment[switchedOff] = "0";
        return new EngineProcess(job, Process.Start(start)!);
    }

    /// <summary>Times some inferences.</summary>
    /// <exception cref="ResNetException">The process has ended.</exception>
    public async Task<InferenceTime> TimeAsync(int runs, CancellationToken cancellation)
    {
        try
        {
            await process.StandardInput.WriteLineAsync(runs.ToString(CultureInfo.InvariantCulture).AsMemory(), cancellation);
            await process.StandardInput.FlushAsync(cancellation);
        }
        catch (IOException)
        {
            // The read of the answer reports the end of the process, with the reason.
        }
        return await TimeAsync(cancellation);
    }

    /// <summary>The next time that it reports.</summary>
    /// <exception cref="ResNetException">The process has ended, or answered something else.</exception>
    public async Task<InferenceTime> TimeAsync(CancellationToken cancellation)
    {
        string line = await LineAsync(cancellation);
        return InferenceTime.TryParse(line, out InferenceTime time) ? time : throw Strange(line);
    }

    /// <summary>The next number that it reports.</summary>
    /// <exception cref="ResNetException">The process has ended, or answered something else.</exception>
    public async Task<double> AnswerAsync(CancellationToken cancellation)
    {
        string line = await LineAsync(cancellation);
        return double.TryParse(line, CultureInfo.InvariantCulture, out double value) ? value : throw Strange(line);
    }

    private async Task<string> LineAsync(CancellationToken cancellation)
    {
        if (await process.StandardOutput.ReadLineAsync(cancellation) is { } line) return line;
        await process.WaitForExitAsync(cancellation);
        string reason = (await errors.WaitAsync(cancellation)).Trim();
        if (reason.Length == 0) reason = "it gave no reason";
        throw new ResNetException($"The process of {job.Engine} ended with exit code {process.ExitCode}: {reason}");
    }

    private ResNetException Strange(string line) => new($"The process of {job.Engine} said '{FileText.Clean(line)}' instead of a number.");

    /// <summary>Waits until the process has ended by itself.</summary>
    public Task EndAsync(CancellationToken cancellation) => process.WaitForExitAsync(cancellation);

    public void Dispose()
    {
        try
        {
            if (!process.HasExited) process.Kill();
            process.WaitForExit();
        }
        catch (InvalidOperationException)
        {
            // It ended in between.
        }
        process.Dispose();
    }
}
