using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using IlgpuResNet.Devices;
using IlgpuResNet.Graphs;
using IlgpuResNet.Kernels;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Execution;

/// <summary>
/// The packed weights on one device, shared by its sessions: made for the first session that asks, freed with the last. Two sessions share
/// weights when they run one graph and compute each of its layers by the same algorithm. The algorithms may depend on the image size,
/// except with <see cref="Numerics.Exact"/>. Thread-safe.
/// </summary>
internal sealed class SharedWeights
{
    private static readonly ConditionalWeakTable<DeviceRuntime, SharedWeights> Devices = new();

    /// <summary>
    /// Norms of the filters of graphs that were packed on any device, so that no further session packs for an algorithm that they exclude.
    /// </summary>
    private static readonly ConditionalWeakTable<Graph, IReadOnlyDictionary<string, FilterNorms>> Norms = [];

    private readonly List<Entry> entries = [];
    private readonly DeviceRuntime runtime;

    private SharedWeights(DeviceRuntime runtime) => this.runtime = runtime;

    /// <summary>The weights on an opened device.</summary>
    public static SharedWeights Of(DeviceRuntime runtime) => Devices.GetValue(runtime, static runtime => new SharedWeights(runtime));

    /// <summary>
    /// The weights of a plan's graph, packed now unless a session has them; each call is paired with one of <see cref="Release"/>.
    /// </summary>
    /// <param name="graph">The graph.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="methods">The method of each step.</param>
    /// <param name="threads">Most processor threads that pack, or null on a device that is not the processor.</param>
    /// <exception cref="DeviceException">They do not fit the device, or this machine while they are packed.</exception>
    public DeviceWeights Acquire(Graph graph, ExecutionPlan plan, ImmutableArray<Conv2dMethod> methods, int? threads)
    {
        Conv2dAlgorithm[] algorithms = AlgorithmsOf(methods);
        lock (entries)
        {
            Entry? shared = entries.Find(entry =>
                entry.Graph.TryGetTarget(out Graph? own) && ReferenceEquals(own, graph)
                && entry.Algorithms.AsSpan().SequenceEqual(algorithms));
            if (shared is null)
            {
                var packed = DeviceWeights.Create(runtime, graph.Name, plan.Steps, algorithms, threads);
                shared = new Entry(new WeakReference<Graph>(graph), algorithms, packed);
                entries.Add(shared);
                Norms.AddOrUpdate(graph, shared.Weights.Norms);
            }
            shared.Sessions++;
            return shared.Weights;
        }
    }

    /// <summary>Norms of a graph's filters, by their nodes' outputs; null when none of its sessions has packed them yet.</summary>
    public static IReadOnlyDictionary<string, FilterNorms>? NormsOf(Graph graph) =>
        Norms.TryGetValue(graph, out IReadOnlyDictionary<string, FilterNorms>? norms) ? norms : null;

    /// <summary>The algorithm of each method.</summary>
    public static Conv2dAlgorithm[] AlgorithmsOf(ImmutableArray<Conv2dMethod> methods)
    {
        var algorithms = new Conv2dAlgorithm[methods.Length];
        for (int i = 0; i < algorithms.Length; i++) algorithms[i] = methods[i].Algorithm;
        return algorithms;
    }

    /// <summary>Gives weights back; frees them when no session has them any more.</summary>
    public void Release(DeviceWeights released)
    {
        lock (entries)
        {
            Entry shared = entries.Find(entry => entry.Weights == released)!;
            if (--shared.Sessions > 0) return;
            entries.Remove(shared);
            released.Dispose();
        }
    }

    /// <summary>Weights, and the graph that they belong to, which its sessions and its model keep.</summary>
    private sealed record Entry(WeakReference<Graph> Graph, Conv2dAlgorithm[] Algorithms, DeviceWeights Weights)
    {
        public int Sessions { get; set; }
    }
}
