internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// One comparison of some columns of a table with the org, in one session of the cell.
struct TableComparison: Sendable {
    let subject: RepairSubject
    let table: ComparedTable
    let read: OrgRead
    /// The cell's clock before the query was sent.
    let startedAt: Date
    /// The number of the part of the columns.
    var part = 0

    private var store: ComparisonStore { ComparisonStore(table: table, part: part) }
    private var differences: DifferenceStore { DifferenceStore(table: table) }

    /// Copies the rows of the org into the session.
    ///
    /// - Parameter keepAlive: called after each page.
    func load(
        _ bulkJob: BulkJob?, on connection: PostgresConnection, keepAlive: () async throws -> Void = {}
    ) async throws -> OrgRead.Summary {
        try await store.createRead(on: connection)
        let sink: OrgRead.Sink = { source in
            let rows = try await store.copy(source, on: connection)
            try await keepAlive()
            return rows
        }
        let summary =
            if let bulkJob {
                try await read.readPages(of: bulkJob, sink)
            } else {
                try await read.readQuery(sink)
            }
        try await store.indexRead(on: connection)
        return summary
    }

    /// Compares for a job, and requests corrections.
    func repair(
        _ bulkJob: BulkJob?, countBefore: Int?, _ running: RepairStore.Read, on connection: PostgresConnection
    ) async throws -> RepairStore.Result {
        try await ComparisonStore.reset(on: connection)
        let summary = try await load(bulkJob, on: connection) {
            try await RunningReadStore().renew(running.id, on: connection)
        }
        try await store.compare(on: connection)
        // A change that was applied after the read started is no older than the read.
        try await store.dropApplied(since: startedAt, on: connection)
        try await explain(on: connection)
        let isComplete = running.purpose == .repair
        if !isComplete { try await differences.dropIDs(on: connection) }
        var result = try await Correction(subject: subject, read: read, differences: differences).apply(
            isComplete ? try await evidence(summary, countBefore, on: connection) : nil, on: connection)
        result.rowsThere = summary.rows
        try await ComparisonStore.drop(on: connection)
        return result
    }

    /// The facts for the guards. Counts again only if rows would be removed.
    func evidence(
        _ summary: OrgRead.Summary, _ countBefore: Int?, on connection: PostgresConnection
    ) async throws -> Correction.Evidence {
        let missing = try await differences.counts(on: connection)[.missingThere, default: 0]
        var counts: ClosedRange<Int>?
        if let before = countBefore {
            let after = missing > 0 ? try await read.count() ?? before : before
            counts = min(before, after)...max(before, after)
        }
        return Correction.Evidence(
            summary: summary, counts: counts,
            appliedDuringRead: try await store.applied(since: startedAt, on: connection))
    }

    /// Compares for a verification: records that differ are read again and compared once more, because they
    /// may have changed during the read.
    func verify(settle: Duration, on connection: PostgresConnection) async throws {
        try await store.compare(on: connection)
        let ids = try await differences.choose(part: part, on: connection)
        if !ids.isEmpty {
            try await Task.sleep(for: settle)
            // `choose` has removed these rows of the org.
            try await read.readRecords(ids) { try await store.copy($0, on: connection) }
            try await store.compare(onlyChosen: true, on: connection)
        }
        try await explain(on: connection)
    }

    private func explain(on connection: PostgresConnection) async throws {
        try await store.explain(on: connection)
        if part == 0 { try await differences.separateInvalid(on: connection) }
    }
}
