namespace IlgpuResNet.Imaging;

/// <summary>Counts bytes in use and makes the one who brings more wait while there are too many. For one waiter at a time.</summary>
internal sealed class ByteBudget(long limit)
{
    private readonly Lock gate = new();
    private long used;
    private TaskCompletionSource? waiter;

    /// <summary>Completes when fewer bytes than the limit are in use.</summary>
    public Task WaitAsync(CancellationToken cancellation)
    {
        lock (gate)
        {
            if (used < limit) return Task.CompletedTask;
            waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return waiter.Task.WaitAsync(cancellation);
        }
    }

    /// <summary>More bytes are in use.</summary>
    public void Add(long bytes)
    {
        lock (gate) used += bytes;
    }

    /// <summary>Bytes are free again.</summary>
    public void Release(long bytes)
    {
        lock (gate)
        {
            used -= bytes;
            if (used >= limit) return;
            waiter?.TrySetResult();
            waiter = null;
        }
    }
}
