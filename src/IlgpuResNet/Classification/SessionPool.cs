using IlgpuResNet.Diagnostics;
using Microsoft.Extensions.Logging;

namespace IlgpuResNet.Classification;

/// <summary>
/// Sessions of one network for callers that come at the same time. The first is made at once, others when all are in use and the memory
/// budget has room; whoever finds neither waits. Thread-safe.
/// </summary>
internal sealed class SessionPool : IDisposable
{
    private readonly Lock gate = new();
    private readonly Func<InferenceSession> create;
    private readonly long memoryBudget;
    private readonly ILogger logger;
    private readonly Stack<InferenceSession> idle = new();

    /// <summary>One permit for each session that is idle or may still be made.</summary>
    private readonly SemaphoreSlim permits;
    private int sessions;
    private bool disposed;

    /// <summary>Makes the first session.</summary>
    /// <param name="create">Makes a session.</param>
    /// <param name="memoryBudget">Bytes that all sessions together may hold besides their weights; one session is kept whatever it holds.</param>
    /// <param name="mostSessions">The most sessions, whatever the budget has room for.</param>
    /// <param name="logger">Is told of sessions that fail.</param>
    /// <exception cref="ResNetException">The first session cannot be made.</exception>
    public SessionPool(Func<InferenceSession> create, long memoryBudget, int mostSessions, ILogger logger)
    {
        this.create = create;
        this.memoryBudget = memoryBudget;
        this.logger = logger;
        InferenceSession first = create();
        Capacity = (int)Math.Clamp(memoryBudget / first.MemoryBytes, 1, mostSessions);
        permits = new SemaphoreSlim(Capacity);
        idle.Push(first);
        sessions = 1;
    }

    /// <summary>The most sessions at a time.</summary>
    public int Capacity { get; }

    /// <summary>Sessions there are now.</summary>
    public int Sessions
    {
        get
        {
            lock (gate) return sessions;
        }
    }

    /// <summary>A session for the caller alone until it is returned or discarded.</summary>
    /// <exception cref="ResNetException">There is none, and none can be made.</exception>
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

    /// <summary>The same without a thread that waits.</summary>
    public async ValueTask<InferenceSession> RentAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await permits.WaitAsync(cancellation).ConfigureAwait(false);
            if (Take() is { } session) return session;
        }
    }

    /// <summary>Gives a session back. It is kept unless large images have made it grow beyond the budget and there are others.</summary>
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

    /// <summary>Gives up a session that failed; the next caller gets another or a new one.</summary>
    public void Discard(InferenceSession session)
    {
        lock (gate) sessions--;
        Free(session);
    }

    /// <summary>Frees idle sessions now and the others when they are given back.</summary>
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

    /// <summary>Frees a session whose place another may take, also where a driver fails in it.</summary>
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

    /// <summary>Uses a permit: an idle session or a new one. Null when there is no room for a new one: the permit is spent, there are fewer from now on.</summary>
    private InferenceSession? Take()
    {
        try
        {
            lock (gate)
            {
                ObjectDisposedException.ThrowIf(disposed, typeof(ImageClassifier));
                if (idle.TryPop(out InferenceSession? session)) return session;
                sessions++;
            }
        }
        catch (ObjectDisposedException)
        {
            // The next who waits must learn it too.
            permits.Release();
            throw;
        }
        return Create();
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
