using System.Runtime.ExceptionServices;

namespace IlgpuResNet.Execution;

/// <summary>
/// A loop whose iterations several threads take one by one, each thread with a state of its own; weights are packed with it. Unlike .NET's
/// parallel loops it hands passes out in order, so that large ones can come first.
/// </summary>
internal static class ParallelWork
{
    /// <summary>Calls the body for 0 to <paramref name="count"/> - 1; all calls are over when this returns or throws.</summary>
    /// <param name="count">Number of passes.</param>
    /// <param name="threads">Most threads, the calling one included.</param>
    /// <param name="makeState">Makes one thread's state, which is disposed when the thread is done.</param>
    /// <param name="body">Receives the number of the pass and the thread's state.</param>
    public static void Run<TState>(int count, int threads, Func<TState> makeState, Action<int, TState> body)
        where TState : IDisposable
    {
        int next = -1;
        ExceptionDispatchInfo? failure = null;
        Task[] others = new Task[Math.Max(Math.Min(threads, count) - 1, 0)];
        for (int i = 0; i < others.Length; i++) others[i] = Task.Run(Work);
        Work();
        Task.WaitAll(others);
        failure?.Throw();

        void Work()
        {
            try
            {
                using TState state = makeState();
                while (failure is null && Interlocked.Increment(ref next) is var pass && pass < count) body(pass, state);
            }
            catch (Exception e)
            {
                // The first failure is reported; the other threads stop at their next pass.
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        }
    }
}
