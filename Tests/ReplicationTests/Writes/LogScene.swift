import Foundation
import Postgres

@testable import Replication

/// The log of the tables of `MergeScene`, with the lease of its tenant.
struct LogScene: Sendable {
    let scene: MergeScene
    let log: LogStore

    init(_ scene: MergeScene) {
        self.scene = scene
        log = LogStore(schema: scene.fixture.schema, tables: [scene.account, scene.contact])
    }

    var user: PostgresConnection { scene.user }

    func begin(
        _ entries: [LogEntry], _ action: WriteAttempt.Action, of table: SyncedTable? = nil
    ) async throws -> (attempt: WriteAttempt, claimed: Set<Int>) {
        let attempt = WriteAttempt(
            organizationID: scene.fixture.tenant.id, mappingID: (table ?? scene.account).mapping.id,
            action: action, logIDs: entries.map(\.id), recordIDs: entries.map(\.recordID),
            sentAt: .distantPast, settleAt: .distantPast)
        return try await scene.pool.transaction {
            try await log.begin(attempt, quarantine: .seconds(660), on: $0)
        }
    }

    func record(
        _ ends: [(LogEntry, WriteEnd)], of attempt: WriteAttempt?, _ action: WriteAttempt.Action
    ) async throws -> LogStore.Recorded {
        try await record(ends.map { (WriteBatch.Item($0.0), $0.1) }, of: attempt, action)
    }

    func record(
        _ ends: [LogStore.ItemEnd], of attempt: WriteAttempt?, _ action: WriteAttempt.Action
    ) async throws -> LogStore.Recorded {
        try await scene.pool.transaction {
            try await log.record(ends, of: attempt, table: scene.account, action: action, on: $0)
        }
    }

    func open() async throws -> [LogEntry] {
        try await scene.pool.withConnection { try await log.open(excluding: [], limit: 1_000, on: $0) }
    }

    /// Sends the entries and records that all were written.
    func write(_ entries: [LogEntry], _ action: WriteAttempt.Action, sfids: [String?]) async throws {
        let (attempt, _) = try await begin(entries, action)
        let ends = zip(entries, sfids).map { ($0, WriteEnd.written(sfid: $1, leftOut: [])) }
        _ = try await record(ends, of: attempt, action)
    }

    /// The columns of all entries, by id.
    func entries(_ columns: String = "state, sfid", of table: String = "_trigger_log") async throws
        -> [[String?]]
    {
        try await scene.pool.query(
            "select \(raw: columns) from \(identifier: scene.fixture.schema, table) order by id"
        ).map { row in try row.columnNames.indices.map { try row[$0] } }
    }

    func attemptStates() async throws -> [String] {
        try await scene.pool.query("select state from multiconnect_sync.write_attempts order by sent_at")
            .column()
    }

    /// Runs statements on the log as the engine.
    func change(_ text: String) async throws { try await scene.script(text) }
}

/// Runs `body` with a tenant's tables and its log.
func withLog(
    upsertField: String? = nil, _ body: @concurrent @Sendable (LogScene) async throws -> Void
) async throws {
    try await withTables(upsertField: upsertField) { scene in
        try await scene.pool.execute(
            """
            insert into multiconnect_sync.leases (organization_id, epoch)
            values (\(scene.fixture.tenant.id), 7)
            """
        )
        try await body(LogScene(scene))
    }
}
