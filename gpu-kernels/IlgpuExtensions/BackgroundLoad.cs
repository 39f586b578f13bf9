namespace IlgpuResNet.Kernels;

/// <summary>
/// A value that takes long to make, such as a compiled kernel. It is made once, on another thread, however many callers ask for it. A
/// failure is thrown to every caller that waits; the next caller after it starts another attempt. Thread-safe.
/// </summary>
/// <param name="load">Makes the value.</param>
internal sealed class BackgroundLoad<T>(Func<T> load)
{
    private readonly Lock gate = new();
    private Task<T>? loading;

    /// <summary>Begins to make the value, unless that was begun before; the task ends when it is made.</summary>
    public Task<T> Start()
    {
        lock (gate) return loading is null or { IsFaulted: true } ? loading = Task.Run(load) : loading;
    }

    /// <summary>The value. Waits until it is made, and begins to make it if nothing has; afterwards the call only reads a field.</summary>
    public T Value => loading is { IsCompletedSuccessfully: true } made ? made.Result : Start().GetAwaiter().GetResult();
}
