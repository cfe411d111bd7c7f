/// A worker process's name, in Sidekiq's form: host, process id and a random part, so that a host that reuses
/// a process id makes a new worker.
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
