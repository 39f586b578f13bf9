using System.Globalization;
using IlgpuResNet.Imaging;
using IlgpuResNet.Planning;

namespace IlgpuResNet.Cli;

/// <summary>
/// A network as a picture, a row for each step from the image down: at the left the lines of the graph, residual sums in a colour of their own, then
/// name, kind and shape, the step's time, and how much of the arena holds tensors meanwhile. A rule divides the stages.
/// </summary>
internal static class NetworkPlot
{
    private const int Row = 18, BarHeight = 12, TextSize = 12, TitleSize = 17, Margin = 14, Gap = 8;
    private const int TitleBaseline = 30, DeviceBaseline = 52, SumBaseline = 69, HeadBaseline = 100, FirstRow = 110;

    /// <summary>Columns: the graph's lines from the outermost to the trunk, text, and two columns of bars with the numbers beside them.</summary>
    private const int SkipX = 18, ResidualX = 30, TrunkX = 44, NameX = 60, KindX = 222, ShapeX = 370, TimeX = 486, MemoryX = 714, Width = 900;

    private const int NumberWidth = 62, NodeSize = 6;
    private const double Mebi = 1 << 20;

    /// <param name="name">The network.</param>
    /// <param name="device">Where it was timed, and how often.</param>
    /// <param name="times">What came.</param>
    public static Drawing Draw(string name, string device, StepTimes times)
    {
        ExecutionPlan plan = times.Plan;
        int rows = times.StepMs.Length;
        var drawing = new Drawing($"{name}: time and memory of each step", Width, FirstRow + rows * Row + Margin);
        drawing.Text(Text($"{name}, batch {plan.MaxBatch} of {plan.Input.Shape}"), Margin, TitleBaseline, TitleSize, isBold: true, room: Width - 2 * Margin);
        drawing.Text(device, Margin, DeviceBaseline, TextSize, Ink.Muted, room: Width - 2 * Margin);
        drawing.Text(
            Text($"{times.EndToEndMs:F1} ms a run, {times.StepMs.Sum():F1} ms of steps; arena {plan.ArenaLength * sizeof(float) / Mebi:F2} MiB"),
            Margin, SumBaseline, TextSize, Ink.Muted, room: Width - 2 * Margin);
        foreach ((int x, string head) in new[] { (NameX, "step"), (KindX, "kind"), (ShapeX, "output"), (TimeX, "ms"), (MemoryX, "MiB of arena in use") })
            drawing.Text(head, x, HeadBaseline, TextSize, Ink.Muted, isBold: true);

        double longest = times.StepMs.DefaultIfEmpty().Max();
        long largest = plan.Steps.Take(rows).Select(step => step.ArenaInUse).DefaultIfEmpty().Max();
        for (int i = 0; i < rows; i++)
        {
            PlanStep step = plan.Steps[i];
            double top = FirstRow + i * Row + (Row - BarHeight) / 2.0, baseline = top + BarHeight - 2;
            if (i > 0 && StageOf(step) != StageOf(plan.Steps[i - 1])) drawing.Line(Ink.Grid, (NameX, FirstRow + i * Row), (Width - Margin, FirstRow + i * Row));
            drawing.Text(step.Node.Name, NameX, baseline, TextSize, room: KindX - NameX - Gap);
            drawing.Text(StepKind.Of(step), KindX, baseline, TextSize, Ink.Muted, room: ShapeX - KindX - Gap);
            drawing.Text(step.Output.Shape.ToString(), ShapeX, baseline, TextSize, Ink.Muted, room: TimeX - ShapeX - Gap);
            Bar(TimeX, MemoryX - Gap, times.StepMs[i], longest, times.StepMs[i].ToString("F3", CultureInfo.InvariantCulture), Ink.First);
            Bar(MemoryX, Width - Margin, step.ArenaInUse, largest, (step.ArenaInUse * sizeof(float) / Mebi).ToString("F2", CultureInfo.InvariantCulture), Ink.Second);

            void Bar(double left, double right, double value, double most, string number, Ink ink)
            {
                double length = most > 0 ? (right - NumberWidth - left) * value / most : 0;
                drawing.Rectangle(left, top, length, BarHeight, ink);
                drawing.Text(number, left + length + Gap / 2.0, baseline, TextSize);
            }
        }
        DrawGraph(drawing, plan, rows);
        return drawing;
    }

    /// <summary>Nodes on a trunk; what a step reads that is not the step's before it comes along a line of its own.</summary>
    private static void DrawGraph(Drawing drawing, ExecutionPlan plan, int rows)
    {
        for (int i = 0; i < rows; i++)
        {
            PlanStep step = plan.Steps[i];
            double y = Middle(i);
            drawing.Rectangle(TrunkX - NodeSize / 2.0, y - NodeSize / 2.0, NodeSize, NodeSize, step.Residual is null ? Ink.Text : Ink.Second);
            if (WriterOf(step.Input, i) is >= 0 and int writer) Connect(writer, i, writer == i - 1 ? TrunkX : SkipX, Ink.Muted);
            if (step.Residual is { } residual && WriterOf(residual, i) is >= 0 and int summand) Connect(summand, i, ResidualX, Ink.Second);
        }

        double Middle(int step) => FirstRow + step * Row + Row / 2.0;

        void Connect(int from, int to, double x, Ink ink)
        {
            // Lines that end and begin at one node do not touch.
            double start = Middle(from) + NodeSize / 2.0, end = Middle(to) - NodeSize / 2.0;
            drawing.Line(ink, (TrunkX, start), (x, start), (x, end), (TrunkX, end));
        }

        // A tensor's memory holds what was written there last.
        int WriterOf(TensorSlot slot, int before)
        {
            for (int i = before - 1; i >= 0; i--)
            {
                if (plan.Steps[i].Output.Offset == slot.Offset) return i;
            }
            return -1;
        }
    }

    /// <summary>The part of a name that a stage's steps have in common, such as <c>layer1</c>.</summary>
    private static string StageOf(PlanStep step) => step.Node.Name.Split('.', 2) is [var stage, _] ? stage : "";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
