namespace IlgpuResNet.Weights.Torch;

/// <content>Opcodes that name classes and functions, and make objects of them. No name is looked up, and no call is made.</content>
internal ref partial struct PickleReader
{
    private void StepObject(PickleOpcode code)
    {
        switch (code)
        {
            case PickleOpcode.Global:
                stack.Add(Name(Line(), Line()));
                break;
            case PickleOpcode.StackGlobal:
                if (PopMany(2) is not [PickleText(var module), PickleText(var name)]) throw Damaged("a name that is not a text");
                stack.Add(Name(module, name));
                break;
            case PickleOpcode.Inst:
                stack.Add(objects.Call(Name(Line(), Line()), PopToMark()));
                break;
            case PickleOpcode.Obj:
                if (PopToMark() is not [TorchGlobal type, .. var values]) throw Damaged("an object without a class");
                stack.Add(objects.Call(type, values));
                break;
            case PickleOpcode.NewObjEx:
                // Keyword arguments are dropped: no known class takes any.
                Pop();
                Call();
                break;
            case PickleOpcode.Reduce or PickleOpcode.NewObj:
                Call();
                break;
            case PickleOpcode.Build:
                SetState(Pop());
                break;
            case PickleOpcode.BinPersId:
                stack.Add(objects.Persistent(Pop()));
                break;
            default:
                throw Damaged($"opcode 0x{(int)code:X2}, which checkpoints never use");
        }
    }

    private readonly TorchGlobal Name(string module, string name)
    {
        budget.Charge(CostOfContainer);
        return TorchGlobals.Find(module, name);
    }

    private readonly void Call()
    {
        stack.Add(PopMany(2) switch
        {
            [TorchGlobal function, PickleTuple(var arguments)] => objects.Call(function, arguments),
            // What an unknown call returns may be called in turn.
            [PickleObject callable, PickleTuple(var arguments)] => objects.Opaque(callable.Class, arguments),
            _ => throw Damaged("a call of something that is not a function"),
        });
    }

    /// <summary>Gives an object its state. The attributes of dicts and tensors, such as <c>_metadata</c>, are dropped.</summary>
    private readonly void SetState(PickleValue state)
    {
        PickleValue target = Peek();
        if (target is PickleObject known) known.State = state;
        else if (target is not (PickleDict or TensorReference)) throw Damaged("attributes are set on something that has none");
    }
}
