using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace IlgpuResNet.Files;

/// <summary>
/// The mode of a file on Unix, on Linux also its owner, its group and its access control list (acl(5)), for a file that replaces it. Where
/// Linux does not let this process keep a group or a list, the rights become narrower.
/// </summary>
internal sealed partial class FileRights
{
    private const string AccessList = "system.posix_acl_access";

    // statx(2): the kernel's structure is the same on all machines.
    private const int CurrentFolder = -100;
    private const uint TypeModeOwner = 1 | 2 | 8 | 16;
    private const int StatusLength = 256;
    private const int UserAt = 20;
    private const int GroupAt = 24;
    private const int ModeAt = 28;
    private const int TypeMask = 0xF000;
    private const int RegularFile = 0x8000;

    private const uint Unchanged = uint.MaxValue;
    private const UnixFileMode Permissions = (UnixFileMode)0x1FF;
    private const UnixFileMode GroupPermissions = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;
    private const UnixFileMode OtherPermissions = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Bits from a permission of others to the same one of the group.</summary>
    private const int GroupShift = 3;

    private readonly UnixFileMode mode;
    private uint user;
    private uint group;
    private byte[]? accessList;

    private FileRights(UnixFileMode mode) => this.mode = mode & Permissions;

    /// <summary>False for devices and pipes; null where the system does not tell.</summary>
    public bool? IsRegular { get; private init; }

    /// <summary>Rights of a file; null when there is none, and on Windows, whose own call keeps them.</summary>
    /// <param name="path">Path of the file, without links.</param>
    public static FileRights? Of(string path)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path)) return null;
        return (OperatingSystem.IsLinux() ? OnLinux(path) : null)
            ?? new FileRights(File.GetUnixFileMode(path)) { user = Unchanged, group = Unchanged };
    }

    /// <summary>Gives a file these rights.</summary>
    public void Apply(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows()) return;
        bool keepsGroup = group == Unchanged || ChangeOwner(file, user, group) == 0 || ChangeOwner(file, Unchanged, group) == 0;
        SetMode(file, keepsGroup ? mode : Narrowed);
        if (accessList is null || (keepsGroup && SetAttribute(file, AccessList, accessList, (nuint)accessList.Length, 0) == 0)) return;
        // Without its list the file would give the group what the list gave to single users.
        SetMode(file, Narrowed);
    }

    /// <summary>The mode for another group, which may do only what everyone may.</summary>
    private UnixFileMode Narrowed => mode & ~(GroupPermissions & ~(UnixFileMode)((int)(mode & OtherPermissions) << GroupShift));

    private static FileRights? OnLinux(string path)
    {
        Span<byte> status = stackalloc byte[StatusLength];
        try
        {
            if (Status(CurrentFolder, path, 0, TypeModeOwner, status) != 0) return null;
        }
        catch (EntryPointNotFoundException)
        {
            // An older C library.
            return null;
        }
        int mode = BinaryPrimitives.ReadUInt16LittleEndian(status[ModeAt..]);
        return new FileRights((UnixFileMode)mode & Permissions)
        {
            IsRegular = (mode & TypeMask) == RegularFile,
            user = BinaryPrimitives.ReadUInt32LittleEndian(status[UserAt..]),
            group = BinaryPrimitives.ReadUInt32LittleEndian(status[GroupAt..]),
            accessList = AccessListOf(path),
        };
    }

    private static byte[]? AccessListOf(string path)
    {
        nint length = Attribute(path, AccessList, [], 0);
        if (length <= 0) return null;
        byte[] list = new byte[length];
        return Attribute(path, AccessList, list, (nuint)length) == length ? list : null;
    }

    private static void SetMode(SafeFileHandle file, UnixFileMode mode)
    {
        try
        {
            if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Some file systems have one mode for all files. The file was made for its owner alone, and stays so elsewhere.
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Status(int folder, string path, int flags, uint mask, Span<byte> status);

    [LibraryImport("libc", EntryPoint = "fchown")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int ChangeOwner(SafeFileHandle file, uint user, uint group);

    [LibraryImport("libc", EntryPoint = "getxattr", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Attribute(string path, string name, Span<byte> value, nuint length);

    [LibraryImport("libc", EntryPoint = "fsetxattr", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetAttribute(SafeFileHandle file, string name, ReadOnlySpan<byte> value, nuint length, int flags);
}
