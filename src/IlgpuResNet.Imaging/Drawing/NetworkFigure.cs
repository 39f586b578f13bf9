using System.Collections.Immutable;
using System.Globalization;
using IlgpuResNet.Files;
using IlgpuResNet.Imaging;
using IlgpuResNet.Planning;

namespace IlgpuResNet;

/// <summary>
/// Draws a network with measured times, one row per step from the input down: at the left the lines of the graph, residual sums in a colour
/// of their own, then name, operation and shape, the step's time, and how much of the arena holds tensors meanwhile. A rule divides the
/// stages. Thread-safe.
/// </summary>
public static class NetworkFigure
{
    private const int Row = 18, BarHeight = 12, TextSize = 12, TitleSize = 17, Margin = 14, Gap = 8;
    private const int TitleBaseline = 30, CaptionBaseline = 52, SumBaseline = 69, HeadBaseline = 100, FirstRow = 110;

    /// <summary>
    /// Columns: the graph's lines from the outermost to the trunk, text, and two columns of bars with the numbers beside them.
    /// </summary>
    private const int SkipX = 18, ResidualX = 30, TrunkX = 44;
    private const int NameX = 60, OperationX = 222, ShapeX = 370, TimeX = 486, MemoryX = 714, Width = 900;

    private const int NumberWidth = 62, NodeSize = 6;
    private const double Mebi = 1 << 20;

    /// <summary>File name extensions of the formats that <see cref="Save"/> writes, in lower case.</summary>
    public static ImmutableArray<string> Extensions => DrawingFile.Extensions;

    /// <summary>Draws a network into a file. A file that was there is replaced whole or left as it was.</summary>
    /// <param name="path">The file to make or replace; it must end in one of <see cref="Extensions"/>, in any case.</param>
    /// <param name="name">The network's name.</param>
    /// <param name="caption">One line of text below it, such as the device and the number of runs.</param>
    /// <param name="times">The measured times.</param>
    /// <exception cref="ArgumentException">The file's name has another ending.</exception>
    /// <exception cref="ImageException">The image is too large, or the file cannot be written.</exception>
    public static void Save(string path, string name, string caption, StepTimes times)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(caption);
        ArgumentNullException.ThrowIfNull(times);
        FileExtension.Require(path, Extensions, nameof(path));
        DrawingFile.Save(Draw(name, caption, times), path);
    }

    /// <summary>The drawing of <see cref="Save"/>.</summary>
    internal static Drawing Draw(string name, string caption, StepTimes times)
    {
        ExecutionPlan plan = times.Plan;
        name = FileText.Clean(name);
        int rows = times.StepMs.Length;
        var drawing = new Drawing($"{name}: time and memory of each step", Width, FirstRow + rows * Row + Margin);
        string title = Text($"{name}, batch {plan.MaxBatch} of {plan.Input.Shape}");
        drawing.Text(title, Margin, TitleBaseline, TitleSize, isBold: true, room: Width - 2 * Margin);
        drawing.Text(caption, Margin, CaptionBaseline, TextSize, Ink.Muted, room: Width - 2 * Margin);
        double arena = plan.ArenaLength * sizeof(float) / Mebi;
        string sums = Text($"{times.EndToEndMs:F1} ms a run, {times.StepMs.Sum():F1} ms of steps; arena {arena:F2} MiB");
        drawing.Text(sums, Margin, SumBaseline, TextSize, Ink.Muted, room: Width - 2 * Margin);
        (int X, string Head)[] columns =
            [(NameX, "step"), (OperationX, "kind"), (ShapeX, "output"), (TimeX, "ms"), (MemoryX, "MiB of arena in use")];
        foreach ((int x, string head) in columns)
            drawing.Text(head, x, HeadBaseline, TextSize, Ink.Muted, isBold: true);

        double longest = times.StepMs.DefaultIfEmpty().Max();
        long largest = plan.Steps.Take(rows).Select(step => step.ArenaInUse).DefaultIfEmpty().Max();
        for (int i = 0; i < rows; i++)
        {
            PlanStep step = plan.Steps[i];
            int edge = FirstRow + i * Row;
            double top = edge + (Row - BarHeight) / 2.0, baseline = top + BarHeight - 2;
            if (i > 0 && StageOf(step) != StageOf(plan.Steps[i - 1])) drawing.Line(Ink.Grid, (NameX, edge), (Width - Margin, edge));
            drawing.Text(step.Node.Name, NameX, baseline, TextSize, room: OperationX - NameX - Gap);
            drawing.Text(step.Operation, OperationX, baseline, TextSize, Ink.Muted, room: ShapeX - OperationX - Gap);
            drawing.Text(step.Output.Shape.ToString(), ShapeX, baseline, TextSize, Ink.Muted, room: TimeX - ShapeX - Gap);
            Bar(TimeX, MemoryX - Gap, times.StepMs[i], longest, times.StepMs[i].ToString("F3", CultureInfo.InvariantCulture), Ink.First);
            string inUse = (step.ArenaInUse * sizeof(float) / Mebi).ToString("F2", CultureInfo.InvariantCulture);
            Bar(MemoryX, Width - Margin, step.ArenaInUse, largest, inUse, Ink.Second);

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
            Ink ink = step.Residual is null ? Ink.Text : Ink.Second;
            drawing.Rectangle(TrunkX - NodeSize / 2.0, y - NodeSize / 2.0, NodeSize, NodeSize, ink);
            if (WriterOf(step.Input, i) is >= 0 and int writer) Connect(writer, i, writer == i - 1 ? TrunkX : SkipX, Ink.Muted);
            if ((step.Residual ?? step.Second) is { } other && WriterOf(other, i) is >= 0 and int operand)
                Connect(operand, i, ResidualX, Ink.Second);
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
