internal import CLinux

/// Core dumps hold every secret of the process.
package enum CoreDumps {
    /// Keeps the kernel from writing one (setrlimit(2)), and other processes of the user from reading this one's memory
    /// (PR_SET_DUMPABLE of prctl(2)): a debugger needs root then.
    package static func disable() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        _ = prctl_number(PR_SET_DUMPABLE, 0)
    }
}
