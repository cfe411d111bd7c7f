internal import CLinux

/// A core dump would hold every secret of the process.
package enum CoreDumps {
    /// Prevents core dumps (setrlimit(2)), and hides this process's memory from other processes of the same
    /// user (PR_SET_DUMPABLE of prctl(2)). A debugger needs root.
    package static func disable() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        _ = prctl_number(PR_SET_DUMPABLE, 0)
    }
}
