internal import CLinux

/// The limit of open descriptors of the process (getrlimit(2), RLIMIT_NOFILE).
package enum DescriptorLimit {
    /// The largest limit to request. Some systems have no limit, and tables grow with it.
    private static let maximum: rlim_t = 1 << 20

    /// Raises the limit to the hard limit and returns it. The usual limit of 1,024 exists for programs that
    /// use select(2).
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
