namespace IlgpuResNet.Diagnostics;

/// <summary>
/// Tasks for which nobody may wait any more: a cancelled call ends at once, and what it had started ends in the background.
/// </summary>
internal static class AbandonedTask
{
    /// <summary>
    /// Returns the task. If it fails after its callers have gone, <see cref="TaskScheduler.UnobservedTaskException"/> is not raised; one
    /// that waits gets the exception as usual.
    /// </summary>
    public static Task<T> Observed<T>(this Task<T> task)
    {
        _ = task.ContinueWith(
            static failed => failed.Exception,
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return task;
    }
}
