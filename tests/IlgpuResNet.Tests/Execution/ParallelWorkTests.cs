using System.Collections.Concurrent;
using IlgpuResNet.Execution;

namespace IlgpuResNet.Tests;

[TestClass]
public sealed class ParallelWorkTests
{
    [TestMethod]
    [DataRow(0, 2)]
    [DataRow(1, 4)]
    [DataRow(100, 1)]
    [DataRow(1000, 3)]
    public void Every_pass_runs_once_and_every_state_is_disposed(int count, int threads)
    {
        var states = new ConcurrentBag<State>();
        int[] runs = new int[count];
        ParallelWork.Run(count, threads, () => Add(states), (i, state) =>
        {
            Assert.IsFalse(state.Disposed);
            Interlocked.Increment(ref runs[i]);
        });
        Assert.IsTrue(Array.TrueForAll(runs, run => run == 1));
        Assert.IsLessThanOrEqualTo(threads, states.Count);
        Assert.IsTrue(states.All(state => state.Disposed));
    }

    [TestMethod]
    public void An_exception_comes_out_as_it_is_and_ends_the_loop()
    {
        var states = new ConcurrentBag<State>();
        int runs = 0;
        var thrown = new InvalidOperationException("the third");
        Assert.AreSame(
            thrown, Assert.ThrowsExactly<InvalidOperationException>(() => ParallelWork.Run(100_000, 2, () => Add(states), (i, _) =>
        {
            Interlocked.Increment(ref runs);
            if (i == 2) throw thrown;
            if (i > 2) Thread.Sleep(1);
        })));
        Assert.IsLessThan(1000, runs);
        Assert.IsTrue(states.All(state => state.Disposed));
    }

    private static State Add(ConcurrentBag<State> states)
    {
        var state = new State();
        states.Add(state);
        return state;
    }

    private sealed class State : IDisposable
    {
        public bool Disposed { get; private set; }

        public void Dispose() => Disposed = true;
    }
}
