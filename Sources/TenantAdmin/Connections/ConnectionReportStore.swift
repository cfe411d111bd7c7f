package import FoundationEssentials
import Organizations
package import Postgres
import Salesforce
import TenantSchema

/// Reads connections for programs.
package struct ConnectionReportStore: Sendable {
    package init() {}

    private var deadline: ContinuousClock.Instant { .now + TenantAdminLimits.statement }

    /// Chooses connections.
    package struct Filter: Sendable, Equatable {
        /// Nil: of all tenants.
        package var organizations: Set<UUID>?
        /// The id of one connection.
        package var connection: UUID?
        /// The name of a tenant's schema or its org id, 15 or 18 characters.
        package var resource: String?

        package init(organizations: Set<UUID>? = nil, connection: UUID? = nil, resource: String? = nil) {
            self.organizations = organizations
            self.connection = connection
            self.resource = resource
        }

        var condition: SQL {
            let schema = resource.map { text in
                (try? OrganizationID(text)).map { "salesforce\($0.text.lowercased())" } ?? text.lowercased()
            }
            return """
                (\(organizations.map(Array.init))::uuid[] is null
                  or o.id = any (\(organizations.map(Array.init))::uuid[]))
                and (\(connection)::uuid is null or c.id = \(connection)::uuid)
                and (\(schema)::text is null or o.schema_name = \(schema)::text)
                """
        }
    }

    /// The connections that match, the oldest first, without mappings; and the number of all that match.
    package func page(
        _ filter: Filter, from offset: Int, limit: Int, on connection: PostgresConnection
    ) async throws -> (reports: [ConnectionReport], count: Int) {
        let rows = try await connection.query(
            """
            select \(OrganizationStore.columns), c.settings::text as settings, c.created_at as connected_at,
              g.identity::text as identity, g.identity ->> 'username' as username,
              g.updated_at as granted_at, g.login_url,
              d.id as odata_id, d.slug as odata_slug
            from multiconnect.organizations o
            join multiconnect.connections c on c.organization_id = o.id
            left join multiconnect.credentials g
              on g.organization_id = o.id and g.kind = 'refresh_token'
            left join lateral (
              select id, slug from multiconnect.odata_services where organization_id = o.id
              order by id limit 1
            ) d on true
            where \(filter.condition) order by o.created_at, o.id limit \(limit) offset \(offset)
            """, deadline: deadline)
        let reports = try rows.map { row in
            let grantedAt: Date? = try row["granted_at"]
            var report = ConnectionReport(
                organization: try OrganizationStore.read(row), settings: try row["settings"],
                createdAt: try row["connected_at"])
            if let grantedAt {
                report.grant = .init(
                    username: try row["username"], identity: try row["identity"], updatedAt: grantedAt,
                    loginURL: try row["login_url"])
            }
            if let id: Int = try row["odata_id"], let slug: String = try row["odata_slug"] {
                report.odata = .init(id: id, slug: slug)
            }
            return report
        }
        let isWhole = offset == 0 && reports.count < limit
        let count: Int =
            isWhole
            ? reports.count
            : try await connection.query(
                """
                select count(*) from multiconnect.organizations o
                join multiconnect.connections c on c.organization_id = o.id where \(filter.condition)
                """, deadline: deadline
            ).scalar()
        return (reports, count)
    }

    /// The mappings of connections, sorted by object.
    package func mappings(
        of connections: [UUID], on connection: PostgresConnection
    ) async throws -> [UUID: [ConnectionReport.MappingReport]] {
        let rows = try await connection.query(
            """
            select id, connection_id, object_name, table_name, config::text as config, state,
              (config -> 'sf_notify_enabled')::text as notify_enabled,
              (config -> 'sf_polling_seconds')::text as polling_seconds,
              (config -> 'access')::text as access, (config -> 'upsert_field')::text as upsert_field,
              state_description, last_error, db_count, db_count_at, sf_count, sf_count_at, created_at,
              updated_at, paused_at
            from multiconnect.mappings where connection_id = any (\(connections)::uuid[])
            order by object_name
            """, deadline: deadline)
        var found: [UUID: [ConnectionReport.MappingReport]] = [:]
        for row in rows { found[try row["connection_id"], default: []].append(try Self.mapping(row)) }
        return found
    }

    /// The connection of a mapping. Nil if there is no such mapping.
    package func connection(ofMapping id: UUID, on connection: PostgresConnection) async throws -> UUID? {
        try await connection.query(
            "select connection_id from multiconnect.mappings where id = \(id)", deadline: deadline
        ).first?["connection_id"]
    }

    private static func mapping(_ row: Row) throws -> ConnectionReport.MappingReport {
        ConnectionReport.MappingReport(
            id: try row["id"], objectName: try row["object_name"], table: try row["table_name"],
            configuration: try row["config"],
            members: .init(
                notifyEnabled: try row["notify_enabled"], pollingSeconds: try row["polling_seconds"],
                access: try row["access"], upsertField: try row["upsert_field"]),
            state: try row["state"],
            stateDescription: try row["state_description"], lastError: try row["last_error"],
            rows: try row["db_count"], rowsAt: try row["db_count_at"], orgRows: try row["sf_count"],
            orgRowsAt: try row["sf_count_at"], createdAt: try row["created_at"],
            updatedAt: try row["updated_at"], pausedAt: try row["paused_at"])
    }

    /// The changes of a tenant's tables and the polls of its mappings, from its cell. Nil without a schema.
    func activity(
        of organization: Organization, _ mappings: [ConnectionReport.MappingReport],
        on connection: PostgresConnection
    ) async throws -> [UUID: ConnectionReport.Activity]? {
        let schema = Identifier.quoted(organization.schemaName)
        let exists: Bool = try await connection.query(
            "select to_regclass(\("\(schema)._trigger_log")) is not null", deadline: deadline
        ).scalar()
        guard exists else { return nil }
        let writes = try await connection.query(
            """
            select table_name,
              count(*) filter (where state in ('NEW', 'PENDING', 'REQUEUE')) as pending,
              count(*) filter (where state = 'FAILED') as failed, max(processed_at) as written_at
            from \(raw: schema)._trigger_log where state in ('NEW', 'PENDING', 'REQUEUE', 'FAILED', 'SUCCESS')
            group by table_name
            """, deadline: deadline)
        let polls = try await connection.query(
            """
            select mapping_id, polled_at from multiconnect_sync.positions
            where organization_id = \(organization.id)
            """, deadline: deadline)
        var byTable: [String: ConnectionReport.Activity] = [:]
        for row in writes {
            guard let table: String = try row["table_name"] else { continue }
            var activity = ConnectionReport.Activity()
            activity.pending = try row["pending"]
            activity.failed = try row["failed"]
            activity.lastWriteAt = try row["written_at"]
            byTable[table] = activity
        }
        var times: [UUID: Date] = [:]
        for row in polls { times[try row["mapping_id"]] = try row["polled_at"] as Date? }
        return Dictionary(
            uniqueKeysWithValues: mappings.map { mapping in
                var activity = mapping.table.flatMap { byTable[$0] } ?? ConnectionReport.Activity()
                activity.lastPollAt = times[mapping.id]
                return (mapping.id, activity)
            })
    }

    /// The refused changes since a time, the newest first.
    func failures(
        of organization: Organization, table: String?, since time: Date, limit: Int,
        on connection: PostgresConnection
    ) async throws -> [WriteFailure] {
        let schema = Identifier.quoted(organization.schemaName)
        let exists: Bool = try await connection.query(
            "select to_regclass(\("\(schema)._trigger_log")) is not null", deadline: deadline
        ).scalar()
        guard exists else { return [] }
        return try await connection.query(
            """
            select id, table_name, record_id, sf_message, created_at from \(raw: schema)._trigger_log
            where state = 'FAILED' and coalesce(processed_at, created_at) >= \(time)
              and (\(table)::text is null or table_name = \(table)::text)
            order by id desc limit \(limit)
            """, deadline: deadline
        ).map { row in
            WriteFailure(
                id: try row["id"], table: try row["table_name"], recordID: try row["record_id"],
                message: try row["sf_message"], createdAt: try row["created_at"])
        }
    }
}

/// A local change that Salesforce refused.
package struct WriteFailure: Sendable, Equatable {
    /// In the tenant's log.
    package var id: Int
    package var table: String?
    /// The row's `id`.
    package var recordID: Int?
    package var message: String?
    package var createdAt: Date?
}
