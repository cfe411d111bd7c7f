package import FoundationEssentials

/// A worker process as operators see it.
package struct WorkerStatus: Sendable {
    /// Its name in every list: host, process id, a random part.
    package let identity: String
    /// The host.
    package let hostname: String
    /// The process id.
    package let processID: Int
    /// Jobs that it runs at once.
    package let concurrency: Int
    /// Jobs that it ran at its last sign of life.
    package let busy: Int
    /// Whether it takes no more jobs.
    package let isQuiet: Bool
    /// Whether its session holds its lock and it has given a sign of life of late: else it is gone, stopped, or
    /// cut off from the database.
    package let isAlive: Bool
    /// The program's version.
    package let version: String?
    /// Since when it runs.
    package let startedAt: Date
    /// Its last sign of life.
    package let beatAt: Date

    /// What it does, in a word; the same on pages, in commands and in metrics.
    package enum Condition: String, Sendable, CaseIterable {
        case working
        case quiet
        case lost
    }

    /// What it does.
    package var condition: Condition { !isAlive ? .lost : isQuiet ? .quiet : .working }
}
