/// Listening sockets that systemd opened for this process (sd_listen_fds(3)).
package enum SocketActivation {
    /// The first passed descriptor. The others follow it.
    private static let firstDescriptor: Int32 = 3
    /// A larger number is a mistake in the environment.
    private static let maximumCount = 64

    /// The descriptors passed to this process. None if the variables are meant for another process.
    ///
    /// - Parameters:
    ///   - listenPID: the value of `LISTEN_PID`.
    ///   - listenCount: the value of `LISTEN_FDS`.
    ///   - processID: this process's id.
    package static func descriptors(
        listenPID: String?, listenCount: String?, processID: Int32
    ) -> [Int32] {
        guard let listenPID, Int32(listenPID) == processID, let listenCount, let count = Int32(listenCount),
            (1...Int32(maximumCount)).contains(count)
        else { return [] }
        return Array(firstDescriptor..<firstDescriptor + count)
    }
}
