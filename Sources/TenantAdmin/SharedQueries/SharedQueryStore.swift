import Activity
import FoundationEssentials
import Postgres

/// Rows of `shared_queries`, `shared_query_versions` and `shared_query_links`.
package struct SharedQueryStore: Sendable {
    package init() {}

    private static let columns: SQL = """
        q.id, q.organization_id, q.name, v.statement, q.statement_seconds, q.row_limit, q.refresh_seconds,
        q.version, q.created_by, q.created_at, q.result, q.result_version, q.result_at
        """
    private static let source: SQL = """
        multiconnect.shared_queries q
        join multiconnect.shared_query_versions v on v.query_id = q.id and v.version = q.version
        """

    /// The queries of a tenant by name.
    ///
    /// - Parameter organization: nil for all tenants.
    func list(of organization: UUID?, on connection: PostgresConnection) async throws -> [SharedQuery] {
        try await connection.query(
            """
            select \(Self.columns) from \(Self.source)
            where (\(organization)::uuid is null or q.organization_id = \(organization)::uuid)
            order by q.organization_id, q.name
            """
        ).map(Self.query)
    }

    func find(_ id: UUID, on connection: PostgresConnection) async throws -> SharedQuery? {
        try await connection.query(
            "select \(Self.columns) from \(Self.source) where q.id = \(id)"
        ).map(Self.query).first
    }

    /// The query of a valid link, whose use is noted at most once a minute.
    func find(
        linkHash: [UInt8], on connection: PostgresConnection
    ) async throws -> (query: SharedQuery, link: SharedQuery.Link)? {
        guard
            let row = try await connection.query(
                """
                select l.query_id, \(Self.linkColumns) from multiconnect.shared_query_links l
                join multiconnect.shared_queries q on q.id = l.query_id
                join multiconnect.organizations o on o.id = q.organization_id
                where l.hash = \(linkHash) and o.status <> 'uninstalled'
                """
            ).first
        else { return nil }
        let link = try Self.link(row)
        guard link.isValid(at: Date()), let query = try await find(try row["query_id"], on: connection) else {
            return nil
        }
        try await connection.execute(
            """
            update multiconnect.shared_query_links set last_used_at = now()
            where id = \(link.id) and (last_used_at is null or last_used_at < now() - interval '1 min')
            """)
        return (query, link)
    }

    func versions(
        of query: UUID, limit: Int, on connection: PostgresConnection
    ) async throws -> [SharedQuery.Version] {
        try await connection.query(
            """
            select version, statement, created_by, created_at from multiconnect.shared_query_versions
            where query_id = \(query) order by version desc limit \(limit)
            """
        ).map { row in
            SharedQuery.Version(
                number: try row["version"], statement: try row["statement"],
                createdBy: try row["created_by"], createdAt: try row["created_at"])
        }
    }

    private static let linkColumns: SQL =
        "l.id, l.name, l.created_by, l.created_at, l.expires_at, l.last_used_at, l.revoked_at"

    /// The links of a query, the newest first, also revoked ones.
    func links(of query: UUID, on connection: PostgresConnection) async throws -> [SharedQuery.Link] {
        try await connection.query(
            """
            select \(Self.linkColumns) from multiconnect.shared_query_links l
            where l.query_id = \(query) order by l.created_at desc, l.id
            """
        ).map(Self.link)
    }

    private static func link(_ row: Row) throws -> SharedQuery.Link {
        SharedQuery.Link(
            id: try row["id"], name: try row["name"], createdBy: try row["created_by"],
            createdAt: try row["created_at"], expiresAt: try row["expires_at"],
            lastUsedAt: try row["last_used_at"], revokedAt: try row["revoked_at"])
    }

    private static func query(_ row: Row) throws -> SharedQuery {
        var settings = SharedQuery.Settings()
        settings.name = try row["name"]
        settings.statement = try row["statement"]
        settings.seconds = try row["statement_seconds"]
        settings.rows = try row["row_limit"]
        settings.refreshSeconds = try row["refresh_seconds"]
        let (bytes, version, time): ([UInt8]?, Int?, Date?) = (
            try row["result"], try row["result_version"], try row["result_at"]
        )
        var result: SharedQueryResult?
        if let bytes, let version, let time {
            result = SharedQueryResult(stored: bytes, at: time, version: version)
        }
        return SharedQuery(
            id: try row["id"], organization: try row["organization_id"], settings: settings,
            version: try row["version"], createdBy: try row["created_by"], createdAt: try row["created_at"],
            result: result)
    }
}

// Changes.
extension SharedQueryStore {
    /// Nil if the tenant has a query of this name, or too many.
    func add(
        _ settings: SharedQuery.Settings, to organization: UUID, by actor: String,
        on connection: PostgresConnection
    ) async throws -> SharedQuery? {
        try await connection.transaction { connection in
            let added: UUID? = try await connection.query(
                """
                insert into multiconnect.shared_queries
                  (organization_id, name, statement_seconds, row_limit, refresh_seconds, created_by)
                select \(organization)::uuid, \(settings.name), \(settings.seconds)::int,
                  \(settings.rows)::int, \(settings.refreshSeconds)::int, \(actor)
                where (select count(*) from multiconnect.shared_queries
                  where organization_id = \(organization)::uuid) < \(SharedQueryLimits.queries)
                on conflict (organization_id, name) do nothing returning id
                """
            ).scalar()
            guard let id = added else { return nil }
            try await addVersion(1, settings.statement, to: id, by: actor, on: connection)
            try await note("query_created", settings.name, organization, by: actor, on: connection)
            return try await find(id, on: connection)
        }
    }

    /// Changes the settings; another statement is a new version. False if the tenant has another query of
    /// this name.
    func change(
        _ query: SharedQuery, to settings: SharedQuery.Settings, by actor: String,
        on connection: PostgresConnection
    ) async throws -> Bool {
        do {
            try await connection.transaction { connection in
                let isNew = settings.statement != query.settings.statement
                let version: Int = try await connection.query(
                    """
                    update multiconnect.shared_queries set
                      name = \(settings.name), statement_seconds = \(settings.seconds),
                      row_limit = \(settings.rows), refresh_seconds = \(settings.refreshSeconds),
                      version = version + \(isNew ? 1 : 0)
                    where id = \(query.id) returning version
                    """
                ).scalar()
                if isNew {
                    try await addVersion(
                        version, settings.statement, to: query.id, by: actor, on: connection)
                }
                try await note(
                    "query_changed", "\(settings.name), version \(version)", query.organization, by: actor,
                    on: connection)
            }
            return true
        } catch let error as PostgresError where error.isUniqueViolation {
            return false
        }
    }

    private func addVersion(
        _ version: Int, _ statement: String, to query: UUID, by actor: String,
        on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            insert into multiconnect.shared_query_versions (query_id, version, statement, created_by)
            values (\(query), \(version), \(statement), \(actor))
            """)
    }

    func remove(_ query: SharedQuery, by actor: String, on connection: PostgresConnection) async throws {
        try await connection.transaction { connection in
            try await connection.execute("delete from multiconnect.shared_queries where id = \(query.id)")
            try await note(
                "query_removed", query.settings.name, query.organization, by: actor, on: connection)
        }
    }

    func addLink(
        _ name: String, hash: [UInt8], expiresAt: Date?, to query: SharedQuery, by actor: String,
        on connection: PostgresConnection
    ) async throws {
        try await connection.transaction { connection in
            try await connection.execute(
                """
                insert into multiconnect.shared_query_links (query_id, name, hash, expires_at, created_by)
                values (\(query.id), \(name), \(hash), \(expiresAt), \(actor))
                """)
            try await note(
                "query_shared", "\(query.settings.name): \(name)", query.organization, by: actor,
                on: connection)
        }
    }

    /// Revokes the valid links with this name or id. Returns how many.
    func revoke(
        _ nameOrID: String, of query: SharedQuery, by actor: String, on connection: PostgresConnection
    ) async throws -> Int {
        try await connection.transaction { connection in
            let names: [String] = try await connection.query(
                """
                update multiconnect.shared_query_links set revoked_at = now()
                where query_id = \(query.id) and revoked_at is null
                  and (name = \(nameOrID) or id = \(UUID(uuidString: nameOrID))::uuid)
                returning name
                """
            ).column()
            for name in names {
                try await note(
                    "query_link_revoked", "\(query.settings.name): \(name)", query.organization, by: actor,
                    on: connection)
            }
            return names.count
        }
    }

    private func note(
        _ action: String, _ detail: String, _ organization: UUID, by actor: String,
        on connection: PostgresConnection
    ) async throws {
        try await ActivityStore(on: connection).add(
            action, by: actor, organization: organization, detail: detail)
    }
}

// Results.
extension SharedQueryStore {
    /// Reserves the query for a run. False if another process runs it.
    func claim(_ query: SharedQuery, on connection: PostgresConnection) async throws -> Bool {
        let longest = Duration.seconds(query.settings.seconds) + SharedQueryLimits.login * 2
        return try await connection.execute(
            """
            update multiconnect.shared_queries set running_since = now()
            where id = \(query.id)
              and (running_since is null or running_since < now() - \(longest))
            """) > 0
    }

    /// Ends a run.
    ///
    /// - Parameter result: nil if it failed; the former result stays.
    func finish(
        _ query: SharedQuery, _ result: SharedQueryResult?, on connection: PostgresConnection
    ) async throws {
        guard let result else {
            try await connection.execute(
                "update multiconnect.shared_queries set running_since = null where id = \(query.id)")
            return
        }
        try await connection.execute(
            """
            update multiconnect.shared_queries set running_since = null, result = \(result.stored),
              result_version = \(result.version), result_at = \(result.at)
            where id = \(query.id)
            """)
    }
}
