namespace IlgpuResNet.Imaging;

/// <summary>Counts bytes in use and delays a producer while there are too many. Supports one waiter at a time.</summary>
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

    /// <summary>Adds bytes that are now in use.</summary>
    public void Add(long bytes)
    {
        lock (gate) used += bytes;
    }

    /// <summary>Subtracts bytes that are free again.</summary>
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
