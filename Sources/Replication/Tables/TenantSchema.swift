internal import Postgres

/// A tenant's schema in its cell: looks whether the database allows it, makes it, and makes its tables.
struct TenantSchema: Sendable {
    let tenant: Tenant
    let pool: PostgresPool

    /// What the database says about itself and about what our role may do there.
    struct Facts: Sendable, Equatable {
        var serverVersion: Int
        var encoding: String
        var mayCreateSchema: Bool
        var mayStage: Bool
        var mayUsePublic: Bool
        /// The role that owns `public.get_xmlbinary()`, if it could make us run what it likes: it is neither ours nor
        /// a superuser. Nil otherwise.
        var markerOwner: String?
        /// Nil where the extension is not installed.
        var hstoreSchema: String?
        var mayUseHstore: Bool

        /// What stands in the way, in words for an operator.
        func obstacles(schema: String) -> [String] {
            var obstacles: [String] = []
            if serverVersion < 140_000 { obstacles.append("Postgres 14 or later is needed") }
            if encoding != "UTF8" { obstacles.append("the database's encoding is \(encoding), not UTF8") }
            if !mayCreateSchema { obstacles.append("the role may not create or fill the schema \(schema)") }
            if !mayStage { obstacles.append("the role may not create temporary tables") }
            if !mayUsePublic {
                obstacles.append("the role may not create the function get_xmlbinary in the schema public")
            }
            if let markerOwner {
                obstacles.append(
                    "the function public.get_xmlbinary() belongs to the role \(markerOwner) and would run with our "
                        + "rights at each write: have it dropped, or have its owner changed to our role")
            }
            if let hstoreSchema, !mayUseHstore {
                obstacles.append("the role may not use the schema \(hstoreSchema), where hstore is")
            }
            return obstacles
        }
    }

    /// Checks that the schema can be made and finds hstore, which is installed if it is not there.
    ///
    /// Throws `.databaseUnsuitable` with everything that is missing.
    func preflight() async throws -> TenantDDL {
        try await pool.patiently { connection in
            try await connection.transaction { connection in
                _ = try await connection.query(SQL(raw: TenantDDL.lock))
                var facts = try await facts(on: connection)
                if facts.hstoreSchema == nil {
                    do {
                        try await connection.execute("create extension if not exists hstore")
                    } catch let error as PostgresError where error.code == .server {
                        throw ReplicationError(
                            .databaseUnsuitable,
                            "the extension hstore is not installed and the role may not install it")
                    }
                    facts = try await self.facts(on: connection)
                }
                let obstacles = facts.obstacles(schema: tenant.schema)
                guard obstacles.isEmpty, let hstore = facts.hstoreSchema else {
                    throw ReplicationError(.databaseUnsuitable, obstacles.joined(separator: "; "))
                }
                try await checkMarker(on: connection)
                return TenantDDL(schema: tenant.schema, hstoreSchema: hstore, organizationID: tenant.orgID)
            }
        }
    }

    /// Triggers tell a user's write from ours by `public.get_xmlbinary()`, so one that is there must tell it right.
    private func checkMarker(on connection: PostgresConnection) async throws {
        let exists: Bool = try await connection.query(
            "select to_regprocedure('public.get_xmlbinary()') is not null"
        ).scalar()
        guard exists else { return }
        for value in ["base64", "hex"] {
            try await connection.script("set local xmlbinary = '\(value)'")
            let answer: String? = try await connection.query("select public.get_xmlbinary()::text").scalar()
            guard answer != value else { continue }
            throw ReplicationError(
                .databaseUnsuitable,
                "the function public.get_xmlbinary() answers \(answer ?? "null") where the setting xmlbinary is "
                    + "\(value): drop it, and it is made anew")
        }
    }

    private func facts(on connection: PostgresConnection) async throws -> Facts {
        let rows = try await connection.query(
            """
            select current_setting('server_version_num')::int as version,
              current_setting('server_encoding') as encoding,
              coalesce((select has_schema_privilege(n.oid, 'CREATE') and has_schema_privilege(n.oid, 'USAGE')
                from pg_namespace n where n.nspname = \(tenant.schema)),
                has_database_privilege(current_database(), 'CREATE')) as may_create,
              has_database_privilege(current_database(), 'TEMP') as may_stage,
              to_regprocedure('public.get_xmlbinary()') is not null
                or coalesce((select has_schema_privilege(n.oid, 'CREATE') from pg_namespace n
                  where n.nspname = 'public'), false) as may_use_public,
              (select r.rolname::text from pg_proc p join pg_roles r on r.oid = p.proowner
                where p.oid = to_regprocedure('public.get_xmlbinary()') and not r.rolsuper
                  and not pg_has_role(r.oid, 'USAGE')) as marker_owner,
              h.nspname as hstore, coalesce(has_schema_privilege(h.oid, 'USAGE'), true) as may_use_hstore
            from (select 1) one left join (
              select n.oid, n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace
              where e.extname = 'hstore') h on true
            """)
        guard let row = rows.first else { throw ReplicationError(.databaseUnsuitable) }
        return Facts(
            serverVersion: try row["version"], encoding: try row["encoding"],
            mayCreateSchema: try row["may_create"], mayStage: try row["may_stage"],
            mayUsePublic: try row["may_use_public"], markerOwner: try row["marker_owner"],
            hstoreSchema: try row["hstore"],
            mayUseHstore: try row["may_use_hstore"])
    }

    /// Whether the table has all columns of a plan.
    func has(_ plan: TablePlan, on connection: PostgresConnection) async throws -> Bool {
        let names: [String] = try await connection.query(
            """
            select a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
            join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = \(tenant.schema) and c.relname = \(plan.table)
              and a.attnum > 0 and not a.attisdropped
            """
        ).column()
        return Set(plan.columns.map(\.name)).isSubset(of: names)
    }

    /// Runs DDL in one transaction under the common lock. `unless` is asked inside of it whether all is done.
    func run(
        _ statements: [String], unless isDone: @Sendable (PostgresConnection) async throws -> Bool
    ) async throws {
        try await pool.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            if try await isDone(connection) { return }
            try await Self.run(statements, on: connection)
        }
    }

    /// Runs DDL in one transaction under the common lock, after `first` in the same transaction.
    func run<Value: Sendable>(
        _ statements: [String], after first: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await pool.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            let value = try await first(connection)
            try await Self.run(statements, on: connection)
            return value
        }
    }

    private static func run(_ statements: [String], on connection: PostgresConnection) async throws {
        try await connection.script(
            "set local lock_timeout = '\(ReplicationLimits.lockTimeout.milliseconds)ms'")
        _ = try await connection.query(SQL(raw: TenantDDL.lock))
        for statement in statements { try await connection.execute(SQL(raw: statement)) }
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
    }
}
