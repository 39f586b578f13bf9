namespace IlgpuResNet.SimulatedCuda;

/// <summary>A driver call that takes until it is released.</summary>
internal sealed class HeldCall(string function) : IDisposable
{
    private readonly ManualResetEventSlim entered = new(), released = new();

    public string Function => function;

    /// <summary>Waits until the host has made the call; false when it does not in that time.</summary>
    public bool WaitUntilEntered(TimeSpan patience) => entered.Wait(patience);

    /// <summary>Lets the call go on.</summary>
    public void Release() => released.Set();

    /// <summary>Releases the call, which may still be on its way.</summary>
    public void Dispose() => Release();

    /// <summary>Is passed by the call, on the host's thread.</summary>
    internal void Pass()
    {
        entered.Set();
        released.Wait();
    }
}
