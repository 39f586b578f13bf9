namespace IlgpuResNet.Execution;

/// <summary>A session's hold on its memory: disposing it frees all, and so does a collection that finds the session forgotten.</summary>
/// <remarks>
/// Only this object has a finaliser, and the parts are reachable from here until they are freed. ILGPU's objects would otherwise be
/// finalised in any order, on a thread where their device is not current. A finaliser must not wait either: for the driver, for a session
/// that is packing weights, or for a lost device. So a thread of the pool frees.
/// </remarks>
internal sealed class SessionLease : IDisposable
{
    private static readonly HashSet<SessionParts> Held = [];

    /// <summary>Makes a lease without parts.</summary>
    /// <param name="parts">Receives the parts as they are made.</param>
    public SessionLease(SessionParts parts)
    {
        Parts = parts;
        lock (Held) Held.Add(parts);
    }

    /// <summary>Has the memory of a forgotten session freed.</summary>
    ~SessionLease()
    {
        try
        {
            if (Parts is { } parts) ThreadPool.UnsafeQueueUserWorkItem(FreeForgotten, parts, preferLocal: false);
        }
        catch (OutOfMemoryException)
        {
            // What a finaliser throws ends the process. The memory stays.
        }
    }

    /// <summary>The parts; no run may use them once the lease is disposed.</summary>
    public SessionParts Parts { get; }

    /// <summary>Number of sessions that hold memory, for tests.</summary>
    internal static int Count
    {
        get
        {
            lock (Held) return Held.Count;
        }
    }

    /// <summary>Frees every part; may be called again.</summary>
    public void Dispose()
    {
        GC.SuppressFinalize(this);
        Free(Parts);
    }

    private static void FreeForgotten(SessionParts parts)
    {
        try
        {
            Free(parts);
        }
        catch (Exception)
        {
            // Nobody is left to be told, and what leaves a thread of the pool ends the process. A device that fails is marked as lost.
        }
    }

    private static void Free(SessionParts parts)
    {
        try
        {
            parts.Free();
        }
        finally
        {
            lock (Held) Held.Remove(parts);
        }
    }
}
