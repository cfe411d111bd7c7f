internal import FoundationEssentials
package import Postgres

/// Leases of tenants and their holders, in the cell that has the tenants.
package struct LeaseStore: Sendable {
    package let limits: LeaseLimits

    /// The channel that announces free tenants to workers.
    static let channel = "multiconnect_leases"
    /// The first number of the advisory locks of holders: "leas" in ASCII.
    static let lockSpace = 0x6c65_6173
    /// The lag of a tenant is shown for this time after its last change.
    package static let lagMinutes = 5

    package init(limits: LeaseLimits = LeaseLimits()) {
        self.limits = limits
    }

    /// Locks the lease until the caller's transaction ends: nobody else can acquire the tenant before that.
    /// Throws `.leaseLost` if another worker has it, or if it was released.
    package func hold(_ lease: TenantLease, on connection: PostgresConnection) async throws {
        let held = try await connection.query(
            """
            select from multiconnect_sync.leases
            where organization_id = \(lease.organizationID) and epoch = \(lease.epoch) for share
            """)
        guard !held.isEmpty || PlantedFault.skippedFence.isPlanted else {
            throw ReplicationError(.leaseLost, "another worker holds tenant \(lease.organizationID)")
        }
    }

    /// All leases of the cell, also of free tenants.
    package func leases(on connection: PostgresConnection) async throws -> [HeldTenant] {
        try await connection.query(
            """
            select organization_id, epoch, holder, weight, updated_at, null::float8 as lag
            from multiconnect_sync.leases
            """, deadline: deadline
        ).map(Self.heldTenant)
    }

    /// `leases` with the lag of each tenant.
    package func report(on connection: PostgresConnection) async throws -> [HeldTenant] {
        try await connection.query(
            """
            select l.organization_id, l.epoch, l.holder, l.weight, l.updated_at,
                max(extract(epoch from s.updated_at - s.commit_at))::float8 as lag
            from multiconnect_sync.leases l
            left join multiconnect_sync.stream_positions s on s.organization_id = l.organization_id
                and s.updated_at > now() - make_interval(mins => \(Self.lagMinutes))
            group by l.organization_id
            """, deadline: deadline
        ).map(Self.heldTenant)
    }

    private static func heldTenant(_ row: Row) throws -> HeldTenant {
        HeldTenant(
            organizationID: try row["organization_id"], epoch: try row["epoch"], holder: try row["holder"],
            weight: try row["weight"], updatedAt: try row["updated_at"], lag: try row["lag"])
    }

    /// Acquires the tenants that are free, in one statement. Returns the acquired ones.
    func acquire(
        _ tenants: [UUID: Int], for holder: UUID, cell: String, on connection: PostgresConnection
    ) async throws -> [TenantLease] {
        let ids = Array(tenants.keys)
        let weights = ids.map { tenants[$0] ?? 1 }
        return try await connection.query(
            """
            insert into multiconnect_sync.leases as l (organization_id, epoch, holder, weight)
            select t.id, 1, \(holder), t.weight
            from unnest(\(ids)::uuid[], \(weights)::int[]) as t (id, weight)
            where exists (
                select from multiconnect_sync.lease_holders h
                where h.id = \(holder) and h.lease_until > clock_timestamp())
            order by t.id
            on conflict (organization_id) do update
            set epoch = l.epoch + 1, holder = excluded.holder, weight = excluded.weight, updated_at = now()
            where l.holder is null
                or not exists (select from multiconnect_sync.lease_holders h where h.id = l.holder)
            returning organization_id, epoch
            """, deadline: deadline
        ).map {
            TenantLease(
                organizationID: try $0["organization_id"], cell: cell, epoch: try $0["epoch"])
        }
    }

    /// Releases leases whose runs have ended, and announces it to other workers.
    func release(_ leases: [TenantLease], on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            with released as (
                update multiconnect_sync.leases l set holder = null, epoch = l.epoch + 1, updated_at = now()
                from unnest(\(leases.map(\.organizationID))::uuid[], \(leases.map(\.epoch))::bigint[])
                    as r (id, epoch)
                where l.organization_id = r.id and l.epoch = r.epoch returning 1)
            select pg_notify(\(Self.channel), '') from (select count(*) as count from released) r
            where r.count > 0
            """, deadline: deadline)
    }

    private var deadline: ContinuousClock.Instant { .now + limits.statement }
}

// Holders.
extension LeaseStore {
    /// Takes the session's lock and writes the holder's row. The holder lives as long as the session holds
    /// the lock and the lease is renewed.
    func register(_ holder: LeaseHolder, lockKey: Int, on connection: PostgresConnection) async throws {
        _ = try await connection.query(
            "select pg_advisory_lock(\(Self.lockSpace), \(lockKey)::int)", deadline: deadline)
        try await connection.execute(
            """
            insert into multiconnect_sync.lease_holders (id, worker, lease_until, lock_key)
            values (\(holder.id), \(holder.worker), \(leaseEnd), \(lockKey))
            on conflict (id) do update
            set lease_until = excluded.lease_until, lock_key = excluded.lock_key
            """, deadline: deadline)
    }

    /// Renews the leases of all tenants of the holder. False if another worker has taken them over.
    func renew(_ holder: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect_sync.lease_holders set lease_until = \(leaseEnd)
            where id = \(holder)
            """, deadline: deadline) == 1
    }

    private var leaseEnd: SQL {
        "clock_timestamp() + make_interval(secs => \(limits.lease / .seconds(1)))"
    }

    /// All holders of the cell.
    package func holders(on connection: PostgresConnection) async throws -> [LeaseHolderStatus] {
        try await connection.query(
            """
            select h.id, h.worker, h.lock_key, \(Self.holdsLock) as is_locked,
                h.lease_until < clock_timestamp() as is_expired
            from multiconnect_sync.lease_holders as h
            """, deadline: deadline
        ).map { row in
            LeaseHolderStatus(
                id: try row["id"], worker: try row["worker"], lockKey: try row["lock_key"],
                isLocked: try row["is_locked"], isExpired: try row["is_expired"])
        }
    }

    private static let holdsLock: SQL = """
        exists (
            select from pg_locks as k
            where k.locktype = 'advisory' and k.granted and k.objsubid = 2
                and k.database = (select oid from pg_database where datname = current_database())
                and k.classid = \(lockSpace)::bigint::oid and k.objid = h.lock_key::oid)
        """

    /// Removes lost holders and releases their tenants. First it terminates their sessions, so that none of
    /// their transactions commits later. Returns the removed holders: not those that another worker has
    /// removed, or that have renewed their lease.
    func takeOver(
        _ lost: [LeaseHolderStatus], on connection: PostgresConnection
    ) async throws -> [UUID] {
        // One deadline for all statements: this worker must also renew its own lease.
        let deadline = deadline
        return try await connection.transaction { connection in
            try await connection.script("set local lock_timeout = '\(limits.takeoverWait.milliseconds)ms'")
            let removed = try await connection.query(
                """
                delete from multiconnect_sync.lease_holders as h
                using unnest(\(lost.map(\.id))::uuid[], \(lost.map(\.lockKey))::int[]) as l (id, lock_key)
                where h.id = l.id and h.lock_key = l.lock_key
                    and (h.lease_until < clock_timestamp() or not \(Self.holdsLock))
                returning h.id
                """, deadline: deadline
            ).column(as: UUID.self)
            guard !removed.isEmpty else { return [] }
            _ = try await connection.query(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()
                    and application_name = any (\(removed.map(LeaseHolder.applicationName(of:))))
                """, deadline: deadline)
            try await connection.execute(
                """
                update multiconnect_sync.leases
                set holder = null, epoch = epoch + 1, updated_at = now()
                where holder = any (\(removed))
                """, deadline: deadline)
            try await connection.notify(Self.channel)
            return removed
        }
    }

    /// Removes the holder's row after its leases were released.
    func resign(_ holder: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "delete from multiconnect_sync.lease_holders where id = \(holder)", deadline: deadline)
    }
}
