package import FoundationEssentials

/// A worker as operators see it.
package struct WorkerStatus: Sendable {
    /// Its name: host, process id, a random part.
    package let identity: String
    /// The host.
    package let hostname: String
    /// The process id.
    package let processID: Int
    /// Its slots.
    package let concurrency: Int
    /// Jobs of one tenant that it runs at once while another tenant waits. Nil: no limit.
    package let tenantCap: Int?
    /// An operator's request to it.
    package let request: WorkerRequest?
    /// Jobs that it ran at its last heartbeat.
    package let busy: Int
    /// Whether it claims no more jobs.
    package let isQuiet: Bool
    /// Whether its session holds its lock and its last heartbeat is recent.
    package let isAlive: Bool
    /// The program's version.
    package let version: String?
    /// When it started.
    package let startedAt: Date
    /// Its last heartbeat.
    package let beatAt: Date

    /// Its condition, as pages, commands and metrics name it.
    package enum Condition: String, Sendable, CaseIterable {
        case working
        case quiet
        case lost
    }

    /// The condition.
    package var condition: Condition { !isAlive ? .lost : isQuiet ? .quiet : .working }
}
