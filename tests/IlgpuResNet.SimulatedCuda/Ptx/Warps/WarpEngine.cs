using System.Runtime.InteropServices;

namespace IlgpuResNet.SimulatedCuda.Ptx;

/// <summary>
/// Runs launches warp by warp, in vectors, with CTAs on all processors, fast enough for networks of full size. It gives the bits of the
/// interpreter, which runs thread by thread. It checks bounds, alignment, barriers and uniform branches. It does not look for races, and
/// of reads of memory that was never written only for those of device memory.
/// </summary>
internal static class WarpEngine
{
    /// <summary>Runs every CTA. Of several faults the one of the first CTA is thrown.</summary>
    public static void Run(PtxLaunch launch)
    {
        // The regions' arrays must stay where they are as long as warps hold pointers into them.
        var pins = new List<GCHandle>();
        foreach (Region region in launch.Memory.Regions)
        {
            pins.Add(GCHandle.Alloc(region.Data, GCHandleType.Pinned));
            if (region.IsWritten is { } written) pins.Add(GCHandle.Alloc(written, GCHandleType.Pinned));
        }
        try
        {
            var work = new Work(launch);
            int processors = Math.Min(Environment.ProcessorCount, launch.Grid.Count);
            if (processors == 1) work.Run();
            else Parallel.For(0, processors, _ => work.Run());
            work.Report();
        }
        finally
        {
            foreach (GCHandle pin in pins) pin.Free();
        }
    }

    /// <summary>The CTAs of a launch, which processors take in order.</summary>
    private sealed class Work(PtxLaunch launch)
    {
        private readonly Lock gate = new();
        private readonly Dictionary<Region, (int Cta, string Text)> unwritten = [];
        private int taken;
        private int end = launch.Grid.Count;
        private PtxException? fault;

        /// <summary>Runs CTAs until none is left, or a lower one has failed.</summary>
        public void Run()
        {
            var cta = new WarpCta(launch);
            int index = 0;
            try
            {
                while ((index = Interlocked.Increment(ref taken) - 1) < Volatile.Read(ref end)) cta.Run(index);
            }
            catch (PtxException e)
            {
                lock (gate)
                {
                    if (index < end) (end, fault) = (index, e);
                }
            }
            cta.Finish();
            lock (gate)
            {
                foreach ((Region region, (int Cta, string Text) load) in cta.Unwritten)
                    if (!unwritten.TryGetValue(region, out (int Cta, string Text) other) || load.Cta < other.Cta) unwritten[region] = load;
            }
        }

        /// <summary>Reports what was found, once all processors are done.</summary>
        public void Report()
        {
            foreach ((Region region, (_, string text)) in unwritten.OrderBy(pair => pair.Key.Address))
                launch.Memory.ReportUnwritten(region, () => text);
            if (fault is not null) throw fault;
        }
    }
}
