namespace IlgpuResNet.Kernels;

/// <summary>
/// What takes long to make, such as a compiled kernel: made once, on another thread, however many ask for it. A failure is told to all who wait for it;
/// who asks afterwards has it tried again. Thread-safe.
/// </summary>
/// <param name="load">Makes it.</param>
internal sealed class BackgroundLoad<T>(Func<T> load)
{
    private readonly Lock gate = new();
    private Task<T>? loading;

    /// <summary>Begins, unless that was done; the task ends when it is made.</summary>
    public Task<T> Start()
    {
        lock (gate) return loading is null or { IsFaulted: true } ? loading = Task.Run(load) : loading;
    }

    /// <summary>Waits for it, and begins where nobody has; once it is made, this is a field.</summary>
    public T Value => loading is { IsCompletedSuccessfully: true } made ? made.Result : Start().GetAwaiter().GetResult();
}
