import FoundationEssentials
import JobIndex
import Jobs
import Logging
import Postgres

/// Scans Redis for external changes: jobs that other clients pushed to new lanes or for a later time, and
/// jobs that a user deleted or killed on Sidekiq's pages. One worker scans at a time.
///
/// A job that was deleted in Redis comes back: a deletion looks like a loss. A job that was killed is dead.
struct ExternalChangeScan: Sendable {
    /// The position of the comparisons.
    struct Progress {
        fileprivate var cursors: [String: String] = [:]
        fileprivate var lastRow: JobPosition?
        /// The last member of `dead` that was compared.
        fileprivate var lastDead: QueueIndex.Entry?

        /// Whether all comparisons are at their start.
        fileprivate var isAtStart: Bool { lastRow == nil && cursors.values.allSatisfy { $0 == "0" } }
    }

    let imports: ExternalImport
    let jobs: JobStore
    let index: QueueIndex
    let pool: PostgresPool
    let identity: WorkerIdentity
    let onGivenUp: @Sendable (JobRecord, any Error) async -> Void
    let logger: Logger

    private var limits: JobsLimits { index.limits }

    /// Runs until cancelled.
    func run() async {
        var progress = Progress()
        var nextComparison = ContinuousClock.now
        while !Task.isCancelled {
            do {
                if try await index.leadsScan(identity.text), .now >= nextComparison {
                    // No pause after a difference: a user who deletes one job often deletes thousands.
                    if try await compare(&progress) > 0 { continue }
                    nextComparison = .now + limits.reconciliation
                }
            } catch {
                logger.debug("external change scan failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: limits.laneScan)
        }
    }

    /// Compares Redis with the rows, part by part, until everything is compared or the time of a turn is
    /// over.
    /// - Returns: how many jobs and entries it changed. Differences that it cannot remove do not count,
    ///   because each turn finds them again.
    func compare(_ progress: inout Progress) async throws -> Int {
        let end = ContinuousClock.now + limits.comparisonTurn
        var changed = try await compareDead(&progress, until: end)
        repeat {
            for set in ["schedule", "retry"] {
                let page = try await index.scan(set, from: progress.cursors[set] ?? "0")
                progress.cursors[set] = page.cursor
                changed += try await compare(page.members, of: set)
            }
            changed += try await compareRows(&progress)
        } while !progress.isAtStart && .now < end && !Task.isCancelled
        return changed
    }

    /// Imports entries without a row, and removes entries that differ from their rows. Returns how many it
    /// removed.
    private func compare(_ members: [QueueIndex.Member], of set: String) async throws -> Int {
        guard !members.isEmpty else { return 0 }
        let named = members.map { (id: JobID(entryKey: $0.key), member: $0) }
        let (imported, stale) = try await pool.withConnection { connection in
            let known = try await imports.store.find(named.map(\.id), on: connection)
            var found: [ExternalImport.Found] = []
            var stale: [QueueIndex.Member] = []
            var unpushed: [JobID] = []
            for (id, member) in named {
                if let record = known[id] {
                    // An entry of an ended job is stale too: after pruning it would be imported as an
                    // external job.
                    let isOurs = record.payload.waiting.utf8.elementsEqual(member.payload)
                    guard !record.state.isOpen || !isOurs else { continue }
                    if record.state == .scheduled || record.state == .retry { unpushed.append(id) }
                } else {
                    found.append(.init(id: id, payload: member.payload, place: Self.place(member, in: set)))
                }
                stale.append(member)
            }
            let imported = try await imports.insert(found, on: connection)
            try await jobs.requeueUnclaimed(unpushed.sorted { $0.text < $1.text }, on: connection)
            return (imported, stale)
        }
        // Entries are removed only after the rows are committed: until then external jobs exist only in
        // Redis.
        let removed = try await index.remove(stale.map(\.payload), from: set)
        await imports.queue.push(imported)
        return removed
    }

    private static func place(_ member: QueueIndex.Member, in set: String) -> ExternalStore.Place {
        // A score can be any number, even infinity. It is limited to a time in the year 5138.
        let seconds = min(max(member.score, 0), 1e11)
        return .init(
            state: set == "retry" ? .retry : .scheduled, runAt: Date(timeIntervalSince1970: seconds))
    }

    /// Finds waiting jobs whose entries are gone. They were killed on a page, or must be pushed again.
    /// Returns how many it changed.
    private func compareRows(_ progress: inout Progress) async throws -> Int {
        let last = progress.lastRow
        let (rows, end) = try await pool.withConnection {
            try await imports.store.waiting(after: last, on: $0)
        }
        progress.lastRow = end
        var missing = try await index.missing(rows)
        guard !missing.isEmpty else { return 0 }
        // Sidekiq removes an entry first, and adds it to another set or queue in a second transaction.
        try await Task.sleep(for: limits.pageAction)
        missing = try await index.missing(missing)
        guard !missing.isEmpty else { return 0 }
        let killed = try await index.inDeadSet(missing)
        let lost = missing.map(\.id).filter { id in !killed.contains { $0.id == id } }
        let requeued = try await pool.withConnection {
            try await jobs.requeueUnclaimed(lost.sorted { $0.text < $1.text }, on: $0)
        }
        return requeued + (try await kill(killed))
    }

    /// Finds killed jobs by new members of `dead`, so that the time does not depend on the number of waiting
    /// jobs. Returns how many it killed.
    private func compareDead(_ progress: inout Progress, until end: ContinuousClock.Instant) async throws
        -> Int
    {
        var killed = 0
        repeat {
            let entries = try await index.dead(after: progress.lastDead)
            guard let last = entries.last else { break }
            let payloads = Dictionary(
                entries.map { (JobID(entryKey: $0.key), $0.payload) }, uniquingKeysWith: { $1 })
            let known = try await pool.withConnection {
                try await imports.store.find(Array(payloads.keys), on: $0)
            }
            let waiting = known.values.filter {
                ($0.state == .scheduled || $0.state == .retry)
                    && payloads[$0.id] == Array($0.payload.waiting.utf8)
            }
            // Read before `missing`: if a job is pushed between the two, its dead entry is old, and the job
            // must not be killed.
            let pushed = try await index.pushedUnrecorded(waiting)
            let gone = try await index.missing(waiting)
            killed += try await kill(gone, pushed: pushed)
            progress.lastDead = last
        } while .now < end && !Task.isCancelled
        return killed
    }

    private func kill(_ records: [JobRecord], pushed: [JobID] = []) async throws -> Int {
        let killed = try await pool.withConnection {
            try await imports.store.kill(
                records.map(\.id).sorted { $0.text < $1.text }, pushed: pushed, on: $0)
        }
        for record in killed {
            logger.notice("job killed on sidekiq's pages", metadata: ["job": "\(record.id)"])
            await onGivenUp(record, JobsError(.cancelled, "the job was killed on Sidekiq's pages"))
        }
        return killed.count
    }
}
