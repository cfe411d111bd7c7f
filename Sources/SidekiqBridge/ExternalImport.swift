import FoundationEssentials
import JobIndex
import Jobs
import Logging
import Postgres

/// Inserts rows for external jobs. The row's id is derived from the entry, so that an entry that is found
/// twice gets one row. The entry leaves Redis only after its row is committed.
struct ExternalImport: Sendable {
    /// An entry without a row.
    struct Found: Sendable {
        let id: JobID
        let payload: [UInt8]
        let place: ExternalStore.Place
    }

    let store: ExternalStore
    let queue: JobQueue
    let logger: Logger

    /// Decides about popped entries whose rows could not be claimed: external jobs, jobs that a user of
    /// Sidekiq's pages wants to run now, and duplicates. Returns the first two kinds.
    func claimable(_ entries: [QueueIndex.Entry], on connection: PostgresConnection) async throws -> [JobID] {
        let named = entries.map { (id: JobID(entryKey: $0.key), payload: $0.payload) }
        let known = try await store.find(named.map(\.id), on: connection)
        var pressed: [JobID] = []
        var found: [Found] = []
        for (id, payload) in named {
            guard let record = known[id] else {
                found.append(Found(id: id, payload: payload, place: .lane))
                continue
            }
            if let entry = try? ExternalPayload.read(payload, limits: store.limits).job,
                SidekiqPageAction.runsNow(record, entry: entry)
            {
                pressed.append(id)
            }
        }
        let imported = try await insert(found, on: connection)
        await queue.push(imported.filter { $0.state == .dead })
        let freed = try await store.runNow(pressed.sorted { $0.text < $1.text }, on: connection)
        return imported.filter { $0.state == .queued }.map(\.id) + freed
    }

    /// Inserts rows. Returns the new ones.
    func insert(_ found: [Found], on connection: PostgresConnection) async throws -> [JobRecord] {
        guard !found.isEmpty else { return [] }
        let deleted = try await store.deleted(found.map(\.id), on: connection)
        let found = found.filter { !deleted.contains($0.id) }
        let records: [JobRecord]
        do {
            records = try await connection.transaction { connection in
                var records: [JobRecord] = []
                for each in found {
                    if let record = try await insert(each, on: connection) { records.append(record) }
                }
                return records
            }
        } catch let error as PostgresError where ExternalStore.refusesData(error) {
            records = try await insertApart(found, on: connection)
        }
        queue.tallies.countEnqueued(records)
        for record in records where record.state == .dead {
            logger.error(
                "external job cannot run",
                metadata: [
                    "job": "\(record.id)", "class": "\(record.className)",
                    "error": "\(record.failure?.message ?? "")",
                ])
        }
        return records
    }

    /// Postgres refused a value: inserts each job on its own, and keeps the refused payload as a malformed
    /// job.
    private func insertApart(
        _ found: [Found], on connection: PostgresConnection
    ) async throws -> [JobRecord] {
        var records: [JobRecord] = []
        for each in found {
            let record: JobRecord?
            do {
                record = try await insert(each, on: connection)
            } catch let error as PostgresError where ExternalStore.refusesData(error) {
                let state = error.sqlState?.rawValue ?? "unknown"
                let reason = "the payload holds a value that Postgres refuses (SQLSTATE \(state))"
                record = try await keep(each, because: reason, on: connection)
            }
            if let record { records.append(record) }
        }
        return records
    }

    private func insert(_ found: Found, on connection: PostgresConnection) async throws -> JobRecord? {
        let (job, text): (ExternalPayload, String)
        do {
            (job, text) = try ExternalPayload.read(found.payload, limits: store.limits)
        } catch {
            return try await keep(found, because: error.reason, on: connection)
        }
        var place = found.place
        if place.state == .retry, job.failure == nil { place.state = .scheduled }
        // A newer version may know a class that this one does not. No version runs an envelope.
        if let refusal = Self.refusal(of: job) {
            place = ExternalStore.Place(
                state: .dead,
                error: ErrorText(className: "UnknownClass", message: refusal, limits: store.limits))
        }
        return try await store.insert(found.id, job, payload: text, at: place, on: connection)
    }

    /// Keeps a payload that is not a job, as a dead job.
    private func keep(
        _ found: Found, because reason: String, on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let text = String(decoding: found.payload, as: UTF8.self)
        return try await store.keep(text, as: found.id, because: reason, on: connection)
    }

    /// Why no version can run the job; nil if one can.
    static func refusal(of job: ExternalPayload) -> String? {
        guard ExternalPayload.envelopes.contains(job.className) else { return nil }
        return
            "ActiveJob envelope (\(job.className) with \(job.wrappedClassName ?? "no class")) cannot run; "
            + "push a job of a registered class with Sidekiq's own client"
    }
}
