package import FoundationEssentials
package import Postgres

/// Rows of `write_attempts`, in the cell that has the tenant's rows.
package struct WriteAttemptStore: Sendable {
    package init() {}

    /// Attempts of an organization whose outcome is not recorded, in the order in which they were sent.
    package func open(
        of organization: UUID, on connection: PostgresConnection
    ) async throws -> [WriteAttempt] {
        try await connection.query(
            """
            select \(Self.columns) from multiconnect_sync.write_attempts
            where organization_id = \(organization) and state <> 'settled' order by sent_at, id
            """
        ).map(Self.attempt)
    }

    /// Attempts of a mapping that may have created records and whose outcome is not recorded.
    package func openInserts(
        of mapping: UUID, _ organization: UUID, on connection: PostgresConnection
    ) async throws -> [WriteAttempt] {
        try await connection.query(
            """
            select \(Self.columns) from multiconnect_sync.write_attempts
            where organization_id = \(organization) and state <> 'settled' and mapping_id = \(mapping)
              and action in ('insert', 'upsert')
            order by sent_at, id
            """
        ).map(Self.attempt)
    }

    /// The attempt with this id. Nil if it was deleted.
    package func attempt(_ id: UUID, on connection: PostgresConnection) async throws -> WriteAttempt? {
        try await connection.query(
            "select \(Self.columns) from multiconnect_sync.write_attempts where id = \(id)"
        ).first.map(Self.attempt)
    }

    /// Marks attempts as doubtful that a former lease holder sent: nobody reads their answers any more.
    package func doubtFormer(
        of organization: UUID, epoch: Int, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.write_attempts
            set state = 'doubtful', error = 'the worker that sent it was lost'
            where organization_id = \(organization) and state = 'sent' and epoch < \(epoch)
            """)
    }

    /// Marks an attempt as doubtful, or keeps the later state.
    package func doubt(_ id: UUID, error: String, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.write_attempts set state = 'doubtful', error = \(error)
            where id = \(id) and state = 'sent'
            """)
    }

    /// Records that a look-up did not decide these entries of an attempt. The others are recorded.
    package func undecide(
        _ id: UUID, _ logIDs: [Int], error: String, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.write_attempts a
            set state = 'undecided', error = \(error), log_ids = r.logs, record_ids = r.records
            from (
              select array_agg(u.log order by u.place) as logs,
                array_agg(u.record order by u.place) as records
              from multiconnect_sync.write_attempts w,
                unnest(w.log_ids, w.record_ids) with ordinality as u (log, record, place)
              where w.id = \(id) and u.log = any (\(logIDs)::int[])) r
            where a.id = \(id) and a.state <> 'settled' and r.logs is not null
            """)
    }

    /// Records that the outcome of one entry is known, whatever attempt it belongs to.
    package func settle(
        _ logID: Int, of organization: UUID, on connection: PostgresConnection
    ) async throws {
        let ids: [UUID] = try await connection.query(
            """
            select id from multiconnect_sync.write_attempts
            where organization_id = \(organization) and state <> 'settled' and \(logID) = any (log_ids)
            """
        ).column()
        for id in ids { try await connection.execute(settle(id, [logID])) }
    }

    /// Records the Bulk job before its data is sent.
    package func setBulkJob(_ job: String, of id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "update multiconnect_sync.write_attempts set bulk_job_id = \(job) where id = \(id)")
    }

    /// Postpones the look-up of an attempt: its request can run until then.
    package func postpone(
        _ id: UUID, by quarantine: Duration, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.write_attempts
            set settle_at = greatest(settle_at, clock_timestamp() + \(quarantine)) where id = \(id)
            """)
    }

    /// Deletes settled attempts that are older than `age`. Their tags are not recognized any more.
    @discardableResult
    package func prune(
        olderThan age: Duration, limit: Int, on connection: PostgresConnection
    ) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect_sync.write_attempts where id = any (array(
              select id from multiconnect_sync.write_attempts
              where state = 'settled' and settled_at < clock_timestamp() - \(age)
              order by settled_at limit \(limit)))
            """)
    }

    private static let columns: SQL = """
        id, organization_id, mapping_id, action, method, state, log_ids, record_ids, bulk_job_id, sent_at,
        settle_at
        """

    private static func attempt(_ row: Row) throws -> WriteAttempt {
        WriteAttempt(
            id: try row["id"], organizationID: try row["organization_id"], mappingID: try row["mapping_id"],
            action: try row["action"], method: try row["method"], state: try row["state"],
            logIDs: try row["log_ids"], recordIDs: try row["record_ids"],
            bulkJobID: try row["bulk_job_id"], sentAt: try row["sent_at"], settleAt: try row["settle_at"])
    }
}

// Statements that are parts of a transaction.
extension WriteAttemptStore {
    /// Claims the entries of an attempt that are NEW and inserts the attempt with them. Returns a row per
    /// claimed entry: its id, and the attempt's times. Without a claimed entry nothing is inserted.
    ///
    /// - Parameter log: the tenant's `_trigger_log`, quoted and qualified.
    func begin(_ attempt: WriteAttempt, quarantine: Duration, log: String) -> SQL {
        """
        with wanted as (
          select * from unnest(\(attempt.logIDs)::int[], \(attempt.recordIDs)::int[]) with ordinality
            as w (id, record, place)),
        claimed as (
          update \(raw: log) l set state = 'PENDING', updated_at = clock_timestamp()
          from wanted w where l.id = w.id and l.state = 'NEW' returning l.id, w.record, w.place),
        attempt as (
          insert into multiconnect_sync.write_attempts
            (id, organization_id, mapping_id, action, method, epoch, log_ids, record_ids, bulk_job_id,
             sent_at, settle_at)
          select \(attempt.id)::uuid, \(attempt.organizationID)::uuid, \(attempt.mappingID)::uuid,
            \(attempt.action.rawValue)::text, \(attempt.method.rawValue)::text,
            (select epoch from multiconnect_sync.leases
             where organization_id = \(attempt.organizationID)::uuid),
            array_agg(c.id order by c.place), array_agg(c.record order by c.place),
            \(attempt.bulkJobID)::text, clock_timestamp(), clock_timestamp() + \(quarantine)
          from claimed c having count(*) > 0
          returning sent_at, settle_at)
        select c.id, a.sent_at, a.settle_at from claimed c cross join attempt a order by c.place
        """
    }

    /// Settles an attempt whose entries are recorded, or keeps the rest of them open.
    func settle(_ id: UUID, _ logIDs: [Int]) -> SQL {
        """
        update multiconnect_sync.write_attempts a
        set log_ids = coalesce(r.logs, a.log_ids), record_ids = coalesce(r.records, a.record_ids),
          state = case when r.logs is null then 'settled' else a.state end,
          settled_at = case when r.logs is null then clock_timestamp() end
        from (
          select array_agg(u.log order by u.place) as logs, array_agg(u.record order by u.place) as records
          from multiconnect_sync.write_attempts w,
            unnest(w.log_ids, w.record_ids) with ordinality as u (log, record, place)
          where w.id = \(id) and u.log <> all (\(logIDs)::int[])) r
        where a.id = \(id) and a.state <> 'settled'
        """
    }
}

extension WriteAttempt.Action: PostgresDecodable {}
extension WriteAttempt.Method: PostgresDecodable {}
extension WriteAttempt.State: PostgresDecodable {}
