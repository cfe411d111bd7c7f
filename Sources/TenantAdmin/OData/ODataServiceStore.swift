import Activity
import Cryptography
package import FoundationEssentials
package import Postgres

/// Rows of `odata_services`, `odata_tables` and `odata_credentials`.
package struct ODataServiceStore: Sendable {
    package init() {}

    private static let columns: SQL = """
        s.id, s.organization_id, o.schema_name, o.cell, s.audience, s.slug, s.alias, s.is_enabled,
        s.hourly_requests, s.statement_seconds, s.created_by, s.created_at,
        case when s.usage_hour = date_trunc('hour', now()) then s.usage_requests else 0 end as used,
        date_trunc('hour', now()) as hour
        """

    /// Adds a service without tables, with its first credentials. Nil if the tenant has one of this audience.
    package func add(
        _ audience: String, _ settings: ODataService.Settings, to organization: UUID, by actor: String,
        on connection: PostgresConnection
    ) async throws -> (service: ODataService, credential: ODataService.NewCredential)? {
        let slug = try ODataService.makeSlug()
        return try await connection.transaction { connection in
            let added: Int? = try await connection.query(
                """
                insert into multiconnect.odata_services
                  (organization_id, audience, slug, alias, hourly_requests, statement_seconds, created_by)
                values (
                  \(organization), \(audience), \(slug), \(settings.alias), \(settings.hourlyRequests),
                  \(settings.statementSeconds), \(actor))
                on conflict (organization_id, audience) do nothing returning id
                """
            ).scalar()
            guard let id = added else { return nil }
            let credential = try await addCredential(to: id, on: connection)
            try await note("odata_created", audience, organization, by: actor, on: connection)
            guard let service = try await find("s.id = \(id)", on: connection).first else { return nil }
            return (service, credential)
        }
    }

    /// The services of a tenant, or of all tenants in the given set, by audience.
    ///
    /// - Parameter organizations: nil for all tenants.
    package func list(
        of organizations: [UUID]?, on connection: PostgresConnection
    ) async throws -> [ODataService] {
        try await find(
            """
            (\(organizations)::uuid[] is null or s.organization_id = any (\(organizations)::uuid[]))
            """, on: connection)
    }

    package func find(id: Int, on connection: PostgresConnection) async throws -> ODataService? {
        try await find("s.id = \(id)", on: connection).first
    }

    /// The service with this slug, after adding requests to its count of the hour.
    package func find(
        slug: String, adding requests: Int, on connection: PostgresConnection
    ) async throws -> ODataService? {
        if requests > 0 {
            try await connection.execute(
                """
                update multiconnect.odata_services set
                  usage_requests =
                    case when usage_hour = date_trunc('hour', now()) then usage_requests else 0 end
                    + \(requests),
                  usage_hour = date_trunc('hour', now())
                where slug = \(slug)
                """)
        }
        return try await find("s.slug = \(slug) and o.status <> 'uninstalled'", on: connection).first
    }

    private func find(
        _ condition: SQL, on connection: PostgresConnection
    ) async throws -> [ODataService] {
        var services = try await connection.query(
            """
            select \(Self.columns) from multiconnect.odata_services s
            join multiconnect.organizations o on o.id = s.organization_id
            where \(condition) order by o.schema_name, s.audience
            """
        ).map(Self.service)
        let ids = services.map(\.id)
        let tables = try await connection.query(
            """
            select service_id, table_name, column_names, may_write from multiconnect.odata_tables
            where service_id = any (\(ids)::bigint[]) order by table_name
            """)
        let credentials = try await connection.query(
            """
            select service_id, user_name, hash, created_at, expires_at from multiconnect.odata_credentials
            where service_id = any (\(ids)::bigint[]) and (expires_at is null or expires_at > now())
            order by created_at desc
            """)
        for index in services.indices {
            let id = services[index].id
            for row in tables {
                guard try row["service_id"] == id else { continue }
                services[index].selections.append(
                    .init(
                        table: try row["table_name"], columns: try row["column_names"],
                        isWritable: try row["may_write"]))
            }
            for row in credentials {
                guard try row["service_id"] == id else { continue }
                services[index].credentials.append(
                    .init(
                        user: try row["user_name"], hash: try row["hash"], createdAt: try row["created_at"],
                        expiresAt: try row["expires_at"]))
            }
        }
        return services
    }

    private static func service(_ row: Row) throws -> ODataService {
        ODataService(
            id: try row["id"], organization: try row["organization_id"], schema: try row["schema_name"],
            cell: try row["cell"], audience: try row["audience"], slug: try row["slug"],
            alias: try row["alias"], isEnabled: try row["is_enabled"],
            hourlyRequests: try row["hourly_requests"],
            statementTime: .seconds(try row["statement_seconds", as: Int.self]),
            usedRequests: try row["used"], hour: try row["hour"], createdBy: try row["created_by"],
            createdAt: try row["created_at"])
    }
}

// Changes.
extension ODataServiceStore {
    /// Serves a table, or changes how it is served.
    package func set(
        _ selection: ODataService.Selection, of service: ODataService, by actor: String,
        on connection: PostgresConnection
    ) async throws {
        try await connection.transaction { connection in
            try await connection.execute(
                """
                insert into multiconnect.odata_tables (service_id, table_name, column_names, may_write)
                values (
                  \(service.id), \(selection.table), \(selection.columns)::text[], \(selection.isWritable))
                on conflict (service_id, table_name) do update
                set column_names = excluded.column_names, may_write = excluded.may_write
                """)
            let columns = selection.columns.map { " (\($0.joined(separator: ", ")))" } ?? ""
            let detail = "\(service.audience): \(selection.table)\(columns)"
            try await note(
                "odata_table_added", selection.isWritable ? "\(detail), writable" : detail,
                service.organization, by: actor, on: connection)
        }
    }

    /// Ends serving a table. False if it was not served.
    package func remove(
        table: String, of service: ODataService, by actor: String, on connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.transaction { connection in
            let count = try await connection.execute(
                """
                delete from multiconnect.odata_tables
                where service_id = \(service.id) and table_name = \(table)
                """)
            guard count > 0 else { return false }
            try await note(
                "odata_table_removed", "\(service.audience): \(table)", service.organization, by: actor,
                on: connection)
            return true
        }
    }

    /// Turns the service on or off.
    package func set(
        isEnabled: Bool, of service: ODataService, by actor: String, on connection: PostgresConnection
    ) async throws {
        try await connection.transaction { connection in
            try await connection.execute(
                """
                update multiconnect.odata_services set is_enabled = \(isEnabled) where id = \(service.id)
                """)
            try await note(
                isEnabled ? "odata_enabled" : "odata_disabled", service.audience, service.organization,
                by: actor, on: connection)
        }
    }

    /// New credentials. The former ones end after `ODataService.overlap`.
    package func rotate(
        _ service: ODataService, by actor: String, on connection: PostgresConnection
    ) async throws -> ODataService.NewCredential {
        try await connection.transaction { connection in
            try await connection.execute(
                """
                delete from multiconnect.odata_credentials
                where service_id = \(service.id) and expires_at < now()
                """)
            try await connection.execute(
                """
                update multiconnect.odata_credentials
                set expires_at = now() + \(Duration.seconds(ODataService.overlap))
                where service_id = \(service.id) and expires_at is null
                """)
            try await note(
                "odata_rotated", service.audience, service.organization, by: actor, on: connection)
            return try await addCredential(to: service.id, on: connection)
        }
    }

    package func remove(
        _ service: ODataService, by actor: String, on connection: PostgresConnection
    ) async throws {
        try await connection.transaction { connection in
            try await connection.execute(
                "delete from multiconnect.odata_services where id = \(service.id)")
            try await note(
                "odata_removed", service.audience, service.organization, by: actor, on: connection)
        }
    }

    private func addCredential(
        to service: Int, on connection: PostgresConnection
    ) async throws -> ODataService.NewCredential {
        let credential = try ODataService.makeCredential()
        try await connection.execute(
            """
            insert into multiconnect.odata_credentials (user_name, service_id, hash) values (
              \(credential.user), \(service),
              \(ODataService.hash(of: credential.password.revealText() ?? "")))
            """)
        return credential
    }

    private func note(
        _ action: String, _ detail: String, _ organization: UUID, by actor: String,
        on connection: PostgresConnection
    ) async throws {
        try await ActivityStore(on: connection).add(
            action, by: actor, organization: organization, detail: detail)
    }
}
