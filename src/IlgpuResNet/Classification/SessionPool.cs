using IlgpuResNet.Diagnostics;
using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Classification;

/// <summary>
/// A pool of sessions for concurrent callers. The first session is made by the constructor, further ones when all are in use and the memory
/// budget has room for one more; otherwise a caller waits. Thread-safe.
/// </summary>
internal sealed class SessionPool : IDisposable
{
    private readonly Lock gate = new();
    private readonly Func<InferenceSession> create;
    private readonly long memoryBudget;
    private readonly ILogger logger;
    private readonly Type owner;
    private readonly Stack<InferenceSession> idle = new();

    /// <summary>One permit for each session that is idle or may still be made.</summary>
    private readonly SemaphoreSlim permits;
    private int sessions;
    private bool disposed;

    /// <summary>Makes the first session.</summary>
    /// <param name="create">Makes a session.</param>
    /// <param name="memoryBudget">Bytes that all sessions together may hold besides their weights; one session is always allowed.</param>
    /// <param name="mostSessions">Largest number of sessions, even where the budget has room for more.</param>
    /// <param name="logger">Receives a warning when there is no memory for one more session.</param>
    /// <param name="owner">Type that callers see as disposed after the pool is.</param>
    /// <exception cref="ResNetException">The first session cannot be made.</exception>
    public SessionPool(Func<InferenceSession> create, long memoryBudget, int mostSessions, ILogger logger, Type owner)
    {
        this.create = create;
        this.memoryBudget = memoryBudget;
        this.logger = logger;
        this.owner = owner;
        InferenceSession first = create();
        Capacity = (int)Math.Clamp(memoryBudget / first.MemoryBytes, 1, mostSessions);
        permits = new SemaphoreSlim(Capacity);
        idle.Push(first);
        sessions = 1;
    }

    /// <summary>Largest number of sessions at a time.</summary>
    public int Capacity { get; }

    /// <summary>Number of sessions that exist now, idle or in use.</summary>
    public int Sessions
    {
        get
        {
            lock (gate) return sessions;
        }
    }

    /// <summary>Hands out a session that only the caller uses until it is returned or discarded; blocks until there is one.</summary>
    /// <exception cref="ResNetException">No session exists and none can be made.</exception>
    /// <exception cref="ObjectDisposedException">The pool was disposed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while waiting.</exception>
    public InferenceSession Rent(CancellationToken cancellation = default)
    {
        while (true)
        {
            permits.Wait(cancellation);
            if (Take() is { } session) return session;
        }
    }

    /// <inheritdoc cref="Rent"/>
    /// <remarks>Waits without blocking a thread.</remarks>
    public async ValueTask<InferenceSession> RentAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await permits.WaitAsync(cancellation).ConfigureAwait(false);
            if (Take() is { } session) return session;
        }
    }

    /// <summary>Returns a session. It is freed when large images made it grow beyond the budget, unless it is the only one.</summary>
    public void Return(InferenceSession session)
    {
        bool kept;
        lock (gate)
        {
            kept = !disposed && (sessions == 1 || session.MemoryBytes + idle.Sum(other => other.MemoryBytes) <= memoryBudget);
            if (kept) idle.Push(session);
            else sessions--;
        }
        if (kept) permits.Release();
        else Free(session);
    }

    /// <summary>Frees a session that failed; the next caller gets another one or a new one.</summary>
    public void Discard(InferenceSession session)
    {
        lock (gate) sessions--;
        Free(session);
    }

    /// <summary>Frees idle sessions now and the others when they are returned.</summary>
    public void Dispose()
    {
        InferenceSession[] unused;
        lock (gate)
        {
            disposed = true;
            unused = [.. idle];
            sessions -= unused.Length;
            idle.Clear();
        }
        foreach (InferenceSession session in unused) session.Dispose();
    }

    /// <summary>Frees a session and releases its permit, even when the driver fails while freeing it.</summary>
    private void Free(InferenceSession session)
    {
        try
        {
            session.Dispose();
        }
        finally
        {
            permits.Release();
        }
    }

    /// <summary>
    /// Spends a permit on an idle session or a new one. Null when the device has no memory for a new one: the permit stays spent, so that
    /// the pool has fewer sessions from now on.
    /// </summary>
    private InferenceSession? Take()
    {
        bool closed;
        InferenceSession? found = null;
        InferenceSession[] lost = [];
        lock (gate)
        {
            while (found is null && idle.TryPop(out InferenceSession? session))
            {
                if (!session.IsLost) found = session;
                else lost = [.. lost, session];
            }
            sessions -= lost.Length;
            closed = disposed;
            if (found is null && !closed) sessions++;
        }
        // Runs on a lost device only fail, and its memory is freed with the last of them.
        foreach (InferenceSession session in lost) session.Dispose();
        if (found is not null) return found;
        if (!closed) return Create();
        // The next caller that waits must find the pool disposed too.
        permits.Release();
        throw new ObjectDisposedException(owner.FullName);
    }

    private InferenceSession? Create()
    {
        try
        {
            return create();
        }
        catch (Exception e)
        {
            bool isLast;
            lock (gate) isLast = --sessions == 0;
            if (e is DeviceMemoryException && !isLast)
            {
                logger.NoRoom(e.Message);
                return null;
            }
            permits.Release();
            throw;
        }
    }
}
