import Foundation
import Postgres

@testable import Replication

/// Attempts of a scene, written as the writes of a tenant do.
extension MergeScene {
    /// Begins an attempt to send the rows' entries: they are PENDING.
    func begin(
        _ rows: [Int], _ action: WriteAttempt.Action = .insert, state: WriteAttempt.State = .sent,
        settleAt: Date = Date().addingTimeInterval(660)
    ) async throws -> WriteAttempt {
        try await pool.transaction { connection in
            let entries: [Int] = try await connection.query(
                """
                update \(identifier: fixture.schema, "_trigger_log") set state = 'PENDING'
                where record_id = any (\(rows)::int[]) and state = 'NEW' returning id
                """
            ).column()
            let attempt = WriteAttempt(
                organizationID: fixture.tenant.id, mappingID: account.mapping.id, action: action,
                state: state, logIDs: entries.sorted(), recordIDs: rows, sentAt: Date(), settleAt: settleAt)
            try await connection.execute(
                """
                insert into multiconnect_sync.write_attempts (id, organization_id, mapping_id, action, method,
                  epoch, state, log_ids, record_ids, sent_at, settle_at)
                values (\(attempt.id), \(attempt.organizationID), \(attempt.mappingID), \(action.rawValue),
                  'collection', 1, \(state.rawValue), \(attempt.logIDs)::int[], \(rows)::int[],
                  \(attempt.sentAt), \(settleAt))
                """)
            return attempt
        }
    }

    /// Records the answer to an attempt. Without an id the record is refused.
    func record(_ attempt: WriteAttempt, _ sfids: [String?]) async throws {
        let operation = attempt.action == .update ? "UPDATED" : "INSERTED"
        try await pool.transaction { connection in
            try await connection.script("set local xmlbinary = 'hex'")
            for ((row, entry), sfid) in zip(zip(attempt.recordIDs, attempt.logIDs), sfids) {
                try await connection.execute(
                    """
                    update \(identifier: fixture.schema, "account") set sfid = coalesce(sfid, \(sfid)),
                      _hc_lastop = case when \(sfid)::text is null then 'FAILED'
                        when _hc_lastop = 'SYNCED' then 'SYNCED' else \(operation) end
                    where id = \(row)
                    """)
                try await connection.execute(
                    """
                    update \(identifier: fixture.schema, "_trigger_log")
                    set state = case when \(sfid)::text is null then 'FAILED' else 'SUCCESS' end,
                      sfid = coalesce(sfid, \(sfid)), processed_at = clock_timestamp()
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

    /// Merges the held events whose insert has a known outcome.
    func release() async throws -> Int {
        var released = 0
        while true {
            let (counts, isComplete) = try await pool.transaction {
                try await HeldChanges([account]).release(of: account.mapping.id, on: $0)
            }
            released += counts.written + counts.deleted
            if isComplete { return released }
        }
    }

    func heldCount() async throws -> Int {
        try await pool.query("select count(*) from multiconnect_sync.held_changes").scalar()
    }

    /// Inserts rows as the application. Returns their ids.
    func insert(_ names: [String]) async throws -> [Int] {
        try await user.query("insert into account (name) select unnest(\(names)::text[]) returning id")
            .column()
    }
}
