import Foundation
import Postgres

@testable import Replication

/// Rows of the account table on their way to an org, written as the lease holder does.
struct OutgoingRows: Sendable {
    let pool: PostgresPool
    let table: SyncedTable

    /// Salesforce's times have milliseconds.
    static var now: Date {
        Date(timeIntervalSince1970: (Date().timeIntervalSince1970 * 1000).rounded(.down) / 1000)
    }

    private var name: SQL { "\(identifier: table.schema, "account")" }
    private var log: SQL { "\(identifier: table.schema, "_trigger_log")" }

    /// Inserts rows as the application. Returns their ids.
    func insert(_ names: [String]) async throws -> [Int] {
        try await pool.query(
            "insert into \(name) (name) select unnest(\(names)::text[]) returning id"
        ).column()
    }

    /// Begins an attempt to send the rows' entries: they are PENDING.
    func begin(
        _ rows: [Int], _ action: WriteAttempt.Action = .insert, state: WriteAttempt.State = .sent,
        sentAt: Date = Date(), quarantine: Double = 660
    ) async throws -> WriteAttempt {
        try await pool.transaction { connection in
            let found = try await connection.query(
                """
                update \(log) set state = 'PENDING'
                where record_id = any (\(rows)::int[]) and state = 'NEW' returning id, record_id
                """)
            let entries = try found.map {
                (log: try $0["id", as: Int.self], row: try $0["record_id", as: Int.self])
            }
            .sorted { $0.log < $1.log }
            let attempt = WriteAttempt(
                organizationID: table.mapping.organizationID, mappingID: table.mapping.id, action: action,
                state: state, logIDs: entries.map(\.log), recordIDs: entries.map(\.row), sentAt: sentAt,
                settleAt: sentAt.addingTimeInterval(quarantine))
            try await connection.execute(
                """
                insert into multiconnect_sync.write_attempts (id, organization_id, mapping_id, action, method,
                  epoch, state, log_ids, record_ids, sent_at, settle_at)
                values (\(attempt.id), \(attempt.organizationID), \(attempt.mappingID), \(action.rawValue),
                  'collection', 1, \(state.rawValue), \(attempt.logIDs)::int[], \(attempt.recordIDs)::int[],
                  \(attempt.sentAt), \(attempt.settleAt))
                """)
            return attempt
        }
    }

    /// Records the answer to an attempt. Without an id the record was refused.
    func record(_ attempt: WriteAttempt, _ sfids: [String?]) async throws {
        let operation = attempt.action == .update ? "UPDATED" : "INSERTED"
        try await pool.transaction { connection in
            try await connection.script("set local xmlbinary = 'hex'")
            for ((row, entry), sfid) in zip(zip(attempt.recordIDs, attempt.logIDs), sfids) {
                try await connection.execute(
                    """
                    update \(name) set sfid = coalesce(sfid, \(sfid)::text),
                      _hc_lastop = case when \(sfid)::text is null then 'FAILED' else \(operation)::text end
                    where id = \(row)
                    """)
                try await connection.execute(
                    """
                    update \(log) set state = case when \(sfid)::text is null then 'FAILED' else 'SUCCESS' end,
                      sfid = coalesce(sfid, \(sfid)::text), processed_at = clock_timestamp()
                    where id = \(entry)
                    """)
            }
            try await connection.execute(
                """
                update multiconnect_sync.write_attempts set state = 'settled', settled_at = clock_timestamp()
                where id = \(attempt.id)
                """)
        }
    }

    /// Merges the held events whose insert has a known outcome. Returns how many rows that changed.
    @discardableResult
    func release() async throws -> Int {
        var released = 0
        while true {
            let (counts, isComplete) = try await pool.transaction {
                try await HeldChanges([table]).release(of: table.mapping.id, on: $0)
            }
            released += counts.written + counts.deleted
            if isComplete { return released }
        }
    }

    func heldCount() async throws -> Int {
        try await pool.query("select count(*) from multiconnect_sync.held_changes").scalar()
    }
}
