import FoundationEssentials
import Logging
import Postgres

/// Makes rows of what other clients put into Redis. The row's id comes from the job's own, so that an entry
/// that is seen twice, after a crash say, makes one row; the entry leaves Redis only when the row is there.
struct ForeignImport: Sendable {
    /// An entry without a row.
    struct Found: Sendable {
        let id: JobID
        let payload: [UInt8]
        let place: ForeignStore.Place
    }

    let store: ForeignStore
    let jobs: JobStore
    let queue: JobQueue
    let logger: Logger

    /// Decides about entries that were popped and that no claim got: jobs of other clients, jobs that somebody
    /// asked to run now, duplicates. Gives back those of them that are now this worker's.
    func settle(
        _ entries: [JobIndex.Entry], for worker: String, on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        let named = entries.map { (id: Self.id(of: $0.key), payload: $0.payload) }
        let known = try await store.find(named.map(\.id), on: connection)
        var pressed: [JobID] = []
        var early: [JobID] = []
        var found: [Found] = []
        for (id, payload) in named {
            guard let record = known[id] else {
                found.append(Found(id: id, payload: payload, place: .lane))
                continue
            }
            if let entry = try? ForeignPayload.read(payload, limits: store.limits).job,
                PageAction.runsNow(record, entry: entry)
            {
                pressed.append(id)
            } else if record.state.isOpen {
                early.append(id)
            }
        }
        let imported = try await insert(found, on: connection)
        await queue.push(imported.filter { $0.state == .dead })
        let runnable = imported.filter { $0.state == .queued }.map(\.id)
        let freed = try await store.runNow(pressed.sorted { $0.text < $1.text }, on: connection)
        // Most of these are duplicates, which is nothing; the rest must not be forgotten.
        try await jobs.unpush(early.sorted { $0.text < $1.text }, on: connection)
        guard !runnable.isEmpty || !freed.isEmpty else { return [] }
        return try await jobs.claim(runnable + freed, for: worker, on: connection)
    }

    /// Makes the rows; those that were not there before.
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
        } catch let error as PostgresError where ForeignStore.refusesData(error) {
            records = try await insertApart(found, on: connection)
        }
        queue.tallies.countEnqueued(records)
        for record in records where record.state == .dead {
            logger.error(
                "a job of another client cannot run",
                metadata: [
                    "job": "\(record.id)", "class": "\(record.className)",
                    "error": "\(record.failure?.message ?? "")",
                ])
        }
        return records
    }

    /// One of them holds a value that no column takes: each on its own, and that one as it is.
    private func insertApart(
        _ found: [Found], on connection: PostgresConnection
    ) async throws -> [JobRecord] {
        var records: [JobRecord] = []
        for each in found {
            let record: JobRecord?
            do {
                record = try await insert(each, on: connection)
            } catch let error as PostgresError where ForeignStore.refusesData(error) {
                let reason =
                    "the payload holds what no row takes (SQLSTATE \(error.sqlState?.rawValue ?? "unknown"))"
                record = try await keep(each, because: reason, on: connection)
            }
            if let record { records.append(record) }
        }
        return records
    }

    private func insert(_ found: Found, on connection: PostgresConnection) async throws -> JobRecord? {
        let (job, text): (ForeignPayload, String)
        do {
            (job, text) = try ForeignPayload.read(found.payload, limits: store.limits)
        } catch {
            return try await keep(found, because: error.reason, on: connection)
        }
        var place = found.place
        if place.state == .retry, job.failure == nil { place.state = .scheduled }
        // A class that this worker does not know may be a newer version's, so the job waits for its time like any
        // other. No version runs an envelope.
        if let refusal = Self.refusal(of: job) {
            place = ForeignStore.Place(
                state: .dead,
                error: ErrorText(className: "UnknownClass", message: refusal, limits: store.limits))
        }
        return try await store.insert(found.id, job, payload: text, at: place, on: connection)
    }

    /// Keeps what is no job as a dead one.
    private func keep(
        _ found: Found, because reason: String, on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let text = String(decoding: found.payload, as: UTF8.self)
        return try await store.keep(text, as: found.id, because: reason, on: connection)
    }

    /// Why a job can never run here, whatever the version; nil when it can.
    static func refusal(of job: ForeignPayload) -> String? {
        guard ForeignPayload.envelopes.contains(job.className) else { return nil }
        return
            "another client pushed an ActiveJob envelope (\(job.className) with "
            + "\(job.wrappedClassName ?? "no class")); only a job of a class that is registered here can run, "
            + "pushed with Sidekiq's own client"
    }

    /// The row's id for an entry's key: the job's own, or the beginning of a digest.
    static func id(of key: String) -> JobID {
        JobID(String(key.prefix(24))) ?? JobID()
    }
}
