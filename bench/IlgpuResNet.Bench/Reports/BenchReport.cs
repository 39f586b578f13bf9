using IlgpuResNet.Bench.Engines;

namespace IlgpuResNet.Bench.Reports;

/// <summary>The figures of one run of <c>bench report</c>.</summary>
/// <param name="Model">Preset of the network.</param>
/// <param name="Started">Time at which the run began.</param>
/// <param name="Command">The command line, after <c>bench</c>.</param>
/// <param name="Machine">The machine that was measured.</param>
/// <param name="Peers">Comparisons with another engine; null when there are none.</param>
/// <param name="Devices">Each device that could be measured.</param>
/// <param name="Skipped">Figures that were not measured, each a sentence with the reason.</param>
internal sealed record BenchReport(
    string Model, DateTimeOffset Started, string Command, Machine Machine, PeerReport? Peers, DeviceRun[] Devices, string[] Skipped);

/// <summary>This library and another engine on the processor, measured in turn.</summary>
/// <param name="Peer">Name and version of the other engine.</param>
/// <param name="Threads">Threads of each engine.</param>
/// <param name="Times">Times of a run, batch by batch.</param>
/// <param name="ColdMs">From the start of a process to its first logits; null when it was not measured.</param>
/// <param name="MemoryMb">Largest resident set in 10^6 bytes; null when it was not measured.</param>
internal sealed record PeerReport(string Peer, int Threads, PeerTimes[] Times, PairedRounds? ColdMs, PairedRounds? MemoryMb)
{
    /// <summary>Its name without the version, for labels.</summary>
    internal string PeerName => Peer.LastIndexOf(' ') is > 0 and int space ? Peer[..space] : Peer;
}

/// <summary>Times of a run at one batch size.</summary>
/// <param name="Batch">Images of a run.</param>
/// <param name="Ms">Milliseconds of a run in each round.</param>
/// <param name="OtherWork">Share of the processors' time that other processes took; null where the system does not say.</param>
internal sealed record PeerTimes(int Batch, PairedRounds Ms, double? OtherWork);
