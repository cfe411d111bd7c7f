/// A worker's name in Sidekiq's form. The random part distinguishes a new worker from an old one with the
/// same process id.
package struct WorkerIdentity: Hashable, Sendable, CustomStringConvertible {
    /// The host's name.
    package let hostname: String
    /// The process's id.
    package let processID: Int
    /// `<hostname>:<pid>:<12 hexadecimal digits>`.
    package let text: String

    /// A new identity for this process.
    package init(hostname: String, processID: Int) {
        self.hostname = hostname
        self.processID = processID
        text = "\(hostname):\(processID):\(JobID().text.prefix(12))"
    }

    package var description: String { text }
}
