internal import CLinux

/// How many descriptors the process may have open (getrlimit(2), RLIMIT_NOFILE).
package enum DescriptorLimit {
    /// What the kernel is asked for at most: some systems know no limit, and tables grow with it.
    private static let maximum: rlim_t = 1 << 20

    /// Raises the limit to what the system allows the process, and returns it. The usual limit, 1,024, is there for
    /// programs that use select(2).
    package static func raise() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1024 }
        let wanted = min(limit.rlim_max, maximum)
        if limit.rlim_cur < wanted {
            var raised = rlimit(rlim_cur: wanted, rlim_max: limit.rlim_max)
            if unsafe setrlimit(resource, &raised) == 0 { limit.rlim_cur = wanted }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
