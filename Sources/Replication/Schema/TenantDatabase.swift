internal import Postgres
internal import TenantSchema

/// A tenant's schema in its cell: checks whether the database allows it, creates it and its tables.
struct TenantDatabase: Sendable {
    let tenant: Tenant
    let pool: PostgresPool

    /// Checks that the schema can be created, and finds hstore. Installs hstore if it is missing.
    ///
    /// Throws `.databaseUnsuitable` with everything that is missing.
    func preflight() async throws -> TenantDDL {
        try await pool.withCellConnection { connection in
            try await connection.transaction { connection in
                var facts = try await facts(on: connection)
                if facts.hstoreSchema == nil {
                    do {
                        _ = try await connection.query(SQL(raw: TenantDDL.extensionLock))
                        try await connection.execute("create extension if not exists hstore")
                    } catch let error as PostgresError where error.code == .server {
                        throw ReplicationError(
                            .databaseUnsuitable,
                            "the extension hstore is missing and the role may not install it: have the "
                                + "database's owner run `create extension hstore`")
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

    /// Triggers call `public.get_xmlbinary()` to distinguish a user's write from ours, so an existing
    /// function must return the setting.
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
                "the function public.get_xmlbinary() returns \(answer ?? "null") although the setting "
                    + "xmlbinary is \(value): drop the function, and Multiconnect creates it again")
        }
    }

    func facts(on connection: PostgresConnection) async throws -> DatabaseFacts {
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
        return DatabaseFacts(
            serverVersion: try row["version"], encoding: try row["encoding"],
            mayCreateSchema: try row["may_create"], mayStage: try row["may_stage"],
            mayUsePublic: try row["may_use_public"], markerOwner: try row["marker_owner"],
            hstoreSchema: try row["hstore"],
            mayUseHstore: try row["may_use_hstore"])
    }

    /// True if the table has all columns of the plan.
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

    /// Existing relations that have the name of a planned table, by name. Nil for those that can serve as it.
    func relations(
        named plans: [TablePlan], on connection: PostgresConnection
    ) async throws -> [String: TableObstruction?] {
        let rows = try await connection.query(
            """
            select c.relname::text as name, c.relkind::text as kind, (
              select string_agg(own.name, ', ')
              from unnest(\(TablePlan.systemColumns.sorted())::text[]) as own (name)
              where not exists (
                select from pg_attribute a
                where a.attrelid = c.oid and a.attname = own.name and not a.attisdropped)) as missing
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = \(tenant.schema) and c.relname = any (\(plans.map(\.table))::text[])
            """)
        return try rows.reduce(into: [:]) { found, row in
            found[try row["name"] as String] = .some(
                TableObstruction(kind: try row["kind"], missingColumns: try row["missing"]))
        }
    }

    /// Throws `.tableObstructed` if another relation has the name of the plan's table.
    func checkUnobstructed(_ plan: TablePlan) async throws {
        let found = try await pool.withCellConnection { try await relations(named: [plan], on: $0) }
        guard let obstruction = found[plan.table] ?? nil else { return }
        throw ReplicationError(.tableObstructed, obstruction.problem(plan.table, in: tenant.schema))
    }

    /// Runs DDL in one transaction under the schema's lock, unless `isDone` says in that transaction that it
    /// has run.
    func run(
        _ statements: [String], unless isDone: @Sendable (PostgresConnection) async throws -> Bool
    ) async throws {
        try await pool.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            if try await isDone(connection) { return }
            try await run(statements, on: connection)
        }
    }

    /// Runs `first` and then DDL in one transaction under the schema's lock.
    func run<Value: Sendable>(
        _ statements: [String], after first: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await pool.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            let value = try await first(connection)
            try await run(statements, on: connection)
            return value
        }
    }

    /// All statements are sent together: their locks are held for no round trips.
    private func run(_ statements: [String], on connection: PostgresConnection) async throws {
        guard !statements.isEmpty else { return }
        let timeout = "set local lock_timeout = '\(ReplicationLimits.lockTimeout.milliseconds)ms'"
        try await connection.script(
            ([timeout, TenantDDL.lock(of: tenant.schema)] + statements).joined(separator: ";\n"),
            deadline: .now + ReplicationLimits.cellStatement)
    }
}
