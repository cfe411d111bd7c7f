package import Postgres

/// Statements for workers.
package struct WorkerStore: Sendable {
    package let limits: JobsLimits

    package init(limits: JobsLimits) {
        self.limits = limits
    }

    /// Takes the session's lock and writes the worker's row. The worker is alive as long as the session holds
    /// the lock.
    package func register(
        _ identity: WorkerIdentity, lockKey: Int, concurrency: Int, tenantCap: Int? = nil,
        version: String, on connection: PostgresConnection
    ) async throws {
        _ = try await connection.query(
            within: limits.statement,
            "select pg_advisory_lock(\(AdvisoryLock.space), \(lockKey)::int)")
        _ = try await connection.execute(
            within: limits.statement,
            """
            insert into multiconnect.workers (
                identity, hostname, pid, lock_key, concurrency, tenant_cap, version)
            values (\(identity.text), \(identity.hostname), \(identity.processID), \(lockKey), \(concurrency),
                \(tenantCap), \(version))
            on conflict (identity) do update
            set lock_key = excluded.lock_key, beat_at = clock_timestamp(), stopped_at = null
            """)
    }

    /// Writes a heartbeat. Returns an operator's request, if there is one.
    package func beat(
        _ identity: WorkerIdentity, busy: Int, isQuiet: Bool, on connection: PostgresConnection
    ) async throws -> WorkerRequest? {
        let rows = try await connection.query(
            within: limits.statement,
            """
            update multiconnect.workers set beat_at = clock_timestamp(), busy = \(busy), quiet = \(isQuiet)
            where identity = \(identity.text) returning asked
            """)
        return try rows.first.flatMap { try $0["asked", as: String?.self] }.flatMap(WorkerRequest.init)
    }

    /// Asks a worker to claim no more jobs, or to end. Returns false if the worker has stopped, or if it was
    /// asked already.
    package func ask(
        _ identity: String, _ request: WorkerRequest, on connection: PostgresConnection
    ) async throws -> Bool {
        // A worker that was asked to stop is quiet too.
        try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.workers set asked = \(request.rawValue)
            where identity = \(identity) and stopped_at is null
                and asked is distinct from \(request.rawValue) and asked is distinct from 'stop'
            """) > 0
    }

    /// Records that the worker has stopped.
    package func stop(_ identity: WorkerIdentity, on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.workers set stopped_at = clock_timestamp(), busy = 0
            where identity = \(identity.text)
            """)
    }

    /// The workers that have not stopped, by name.
    package func running(on connection: PostgresConnection) async throws -> [WorkerStatus] {
        // The session of a stopped process can still hold its lock.
        let recently = (limits.lease + limits.reconciliation) / .seconds(1)
        let rows = try await connection.query(
            within: limits.statement,
            """
            select w.identity, w.hostname, w.pid, w.concurrency, w.tenant_cap, w.asked, w.busy, w.quiet,
                w.version, w.started_at, w.beat_at, \(Self.holdsLock)
                    and w.beat_at > clock_timestamp() - make_interval(secs => \(recently)) as is_alive
            from multiconnect.workers as w
            where w.stopped_at is null order by w.identity limit \(limits.shownRows)
            """)
        return try rows.map { row in
            WorkerStatus(
                identity: try row["identity"], hostname: try row["hostname"], processID: try row["pid"],
                concurrency: try row["concurrency"], tenantCap: try row["tenant_cap"],
                request: (try row["asked"] as String?).flatMap(WorkerRequest.init), busy: try row["busy"],
                isQuiet: try row["quiet"],
                isAlive: try row["is_alive"], version: try row["version"],
                startedAt: try row["started_at"], beatAt: try row["beat_at"])
        }
    }

    /// Whether the session of worker `w` holds its lock.
    private static let holdsLock: SQL = """
        exists (
            select from pg_locks as l
            where l.locktype = 'advisory' and l.granted and l.objsubid = 2
                and l.database = (select oid from pg_database where datname = current_database())
                and l.classid = \(AdvisoryLock.space)::bigint::oid and l.objid = w.lock_key::oid)
        """

    /// Workers that have not stopped and whose session does not hold its lock.
    package func withoutLock(on connection: PostgresConnection) async throws -> [String] {
        try await connection.query(
            within: limits.statement,
            """
            select w.identity from multiconnect.workers as w
            where w.stopped_at is null
                and not \(Self.holdsLock)
            """
        ).column(as: String.self)
    }

    /// Marks lost workers as stopped, and removes workers that stopped long ago.
    package func markStopped(_ identities: [String], on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.workers set stopped_at = clock_timestamp(), busy = 0
            where identity = any (\(identities)) and stopped_at is null
            """)
        _ = try await connection.execute(
            within: limits.statement,
            "delete from multiconnect.workers where stopped_at < clock_timestamp() - interval '7 days'")
    }
}
