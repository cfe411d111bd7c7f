import FoundationEssentials
import Logging
import Postgres
import Redis

/// Watches what others do to Redis: clients that push to queues of their own or for a later time, and Sidekiq's
/// pages, on which jobs are deleted and killed. Of all workers one does it at a time.
///
/// A job that was deleted in Redis comes back: it cannot be told from one that Redis lost. A job that was killed
/// there is dead: its entry says so.
struct ForeignWatch: Sendable {
    /// How far the comparisons have come.
    struct Progress {
        fileprivate var cursors: [String: String] = [:]
        fileprivate var lastRow: JobPosition?
        /// The last of the dead that were looked at.
        fileprivate var lastDead: JobIndex.Entry?

        /// Whether the next look begins from the front everywhere.
        fileprivate var isAtFront: Bool { lastRow == nil && cursors.values.allSatisfy { $0 == "0" } }
    }

    let imports: ForeignImport
    let index: JobIndex
    let pool: PostgresPool
    let identity: WorkerIdentity
    let onDeath: @Sendable (JobRecord, any Error) async -> Void
    let logger: Logger

    private var limits: JobsLimits { index.limits }

    /// Runs until cancelled.
    func run() async {
        var progress = Progress()
        var nextComparison = ContinuousClock.now
        while !Task.isCancelled {
            do {
                // Whoever has the turn keeps it: the progress is its own.
                if try await index.watch(for: identity.text), .now >= nextComparison {
                    // Where one was deleted there are often thousands: then the next turn comes at once.
                    if try await compare(&progress) > 0 { continue }
                    nextComparison = .now + limits.reconciliation
                }
            } catch {
                logger.debug("what others did to Redis was not looked at", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: limits.adoption)
        }
    }

    /// Compares Redis with the rows and the rows with Redis, part by part, until all is compared or the turn's time
    /// is over; how many jobs and entries it changed. A difference that it cannot change does not count: the next turn
    /// would find it again.
    func compare(_ progress: inout Progress) async throws -> Int {
        let end = ContinuousClock.now + limits.comparisonTurn
        var changed = try await settleDead(&progress, until: end)
        repeat {
            for set in ["schedule", "retry"] {
                let page = try await index.scan(set, from: progress.cursors[set] ?? "0")
                progress.cursors[set] = page.cursor
                changed += try await settle(page.members, of: set)
            }
            changed += try await compareRows(&progress)
        } while !progress.isAtFront && .now < end && !Task.isCancelled
        return changed
    }

    /// Makes rows of jobs that other clients made for later, and removes entries that differ from their rows; how
    /// many it removed.
    private func settle(_ members: [JobIndex.Member], of set: String) async throws -> Int {
        guard !members.isEmpty else { return 0 }
        let named = members.map { (id: ForeignImport.id(of: $0.key), member: $0) }
        let (imported, odd) = try await pool.withConnection { connection in
            let known = try await imports.store.find(named.map(\.id), on: connection)
            var found: [ForeignImport.Found] = []
            var odd: [JobIndex.Member] = []
            var untold: [JobID] = []
            for (id, member) in named {
                if let record = known[id] {
                    // An entry that outlives its job's row would be taken for another client's.
                    let isOurs = record.payload.waiting.utf8.elementsEqual(member.payload)
                    guard !record.state.isOpen || !isOurs else { continue }
                    if record.state == .scheduled || record.state == .retry { untold.append(id) }
                } else {
                    found.append(.init(id: id, payload: member.payload, place: Self.place(member, in: set)))
                }
                odd.append(member)
            }
            let imported = try await imports.insert(found, on: connection)
            try await imports.jobs.unpush(untold.sorted { $0.text < $1.text }, on: connection)
            return (imported, odd)
        }
        // Only now that the rows are there: until then the entries are all there is of those jobs.
        let removed = try await index.remove(odd.map(\.payload), from: set)
        await imports.queue.push(imported)
        return removed
    }

    private static func place(_ member: JobIndex.Member, in set: String) -> ForeignStore.Place {
        // A score may be anything, infinity too; nothing runs after the year 5000.
        let seconds = min(max(member.score, 0), 1e11)
        return .init(
            state: set == "retry" ? .retry : .scheduled, runAt: Date(timeIntervalSince1970: seconds))
    }

    /// Jobs that wait for later and that Redis no longer has: killed, or to be told of again; how many it changed.
    private func compareRows(_ progress: inout Progress) async throws -> Int {
        let last = progress.lastRow
        let (rows, end) = try await pool.withConnection {
            try await imports.store.waiting(after: last, on: $0)
        }
        progress.lastRow = end
        let missing = try await index.missing(rows)
        guard !missing.isEmpty else { return 0 }
        let dead = try await index.buried(missing)
        let lost = missing.map(\.id).filter { id in !dead.contains { $0.id == id } }
        let untold = try await pool.withConnection {
            try await imports.jobs.unpush(lost.sorted { $0.text < $1.text }, on: $0)
        }
        return untold + (try await kill(dead))
    }

    /// Jobs that were killed are new among the dead: so they are found at once, however many wait for later. How
    /// many it killed.
    private func settleDead(_ progress: inout Progress, until end: ContinuousClock.Instant) async throws
        -> Int
    {
        var killed = 0
        repeat {
            let entries = try await index.dead(after: progress.lastDead)
            guard let last = entries.last else { break }
            let payloads = Dictionary(
                entries.map { (ForeignImport.id(of: $0.key), $0.payload) }, uniquingKeysWith: { $1 })
            let known = try await pool.withConnection {
                try await imports.store.find(Array(payloads.keys), on: $0)
            }
            let waiting = known.values.filter {
                ($0.state == .scheduled || $0.state == .retry)
                    && payloads[$0.id] == Array($0.payload.waiting.utf8)
            }
            // Before they are looked for: of one that is told only now the entry among the dead is an old one.
            let told = try await index.told(waiting)
            let gone = try await index.missing(waiting)
            killed += try await kill(gone, told: told)
            progress.lastDead = last
        } while .now < end && !Task.isCancelled
        return killed
    }

    private func kill(_ records: [JobRecord], told: [JobID] = []) async throws -> Int {
        let killed = try await pool.withConnection {
            try await imports.store.kill(records.map(\.id).sorted { $0.text < $1.text }, told: told, on: $0)
        }
        for record in killed {
            logger.notice("a job was killed on a page of Sidekiq", metadata: ["job": "\(record.id)"])
            await onDeath(record, JobsError(.cancelled, "the job was killed on a page of Sidekiq"))
        }
        return killed.count
    }
}
