import Encoding
import FoundationEssentials
import Organizations
import Postgres
import Replication
import Salesforce
import TenantAdmin

/// The JSON of connections and mappings, with the members of Heroku Connect's API v3.
/// Source: the recorded answers of its command line plugin.
struct ConnectionDocument: Sendable {
    /// `APP_NAME`.
    let app: String
    /// The API's origin, without a final slash.
    let url: String
    /// Where the cells are, by name.
    let databases: [String: PostgresConfiguration]

    /// The only region. Clients show its label, and send requests to its URL.
    private static let region = "self-hosted"
    private static let regionLabel = "Self-hosted"

    func path(ofConnection id: UUID) -> String { "/api/v3/connections/\(Self.text(id))" }

    /// A list as Django REST Framework writes it.
    static func list(
        _ results: [JSONText], count: Int, next: String? = nil, previous: String? = nil,
        _ more: [(String, JSONText)] = []
    ) -> JSONText {
        .object(
            [
                ("count", .number(count)), ("next", .optional(next)), ("previous", .optional(previous)),
                ("results", .array(results)),
            ] + more)
    }

    /// The members `regions` and `cells` of the answers of discovery.
    var places: [(String, JSONText)] {
        let label: JSONText = .string(Self.regionLabel)
        return [
            ("regions", .object([(Self.region, .object([("flag", ""), ("label", label)]))])),
            (
                "cells",
                .object([
                    (Self.region, .object([("url", .string(url)), ("flag", ""), ("label", label)]))
                ])
            ),
        ]
    }

    /// A connection in the list of discovery.
    func discovered(_ report: ConnectionReport) -> JSONText {
        let organization = report.organization
        return .object([
            ("id", .string(Self.text(organization.connectionID))),
            ("resource_name", .string(organization.schemaName)),
            ("display_name", .string(organization.name.text)),
            ("addon_type", "Sync"),
            ("app_name", .string(app)),
            ("app_id", .string(appID)),
            ("region", .string(Self.region)),
            ("region_url", .string(url)),
            ("region_flag", ""),
            ("region_label", .string(Self.regionLabel)),
            ("cell", .string(organization.cell)),
            ("cell_label", .string(organization.cell)),
            ("detail_url", .string(url + path(ofConnection: organization.connectionID))),
        ])
    }

    /// A connection, with its mappings if `isDeep`.
    func connection(_ report: ConnectionReport, isDeep: Bool) -> JSONText {
        let organization = report.organization
        let id = organization.connectionID
        let path = path(ofConnection: id)
        let isPaused = organization.status == .paused
        var members: [(String, JSONText)] = [
            ("id", .string(Self.text(id))),
            ("_id", .number(Self.number(id))),
            ("name", .string(organization.name.text)),
            ("addon_id", .string(Self.text(organization.id))),
            ("app_name", .string(app)),
            ("team_name", nil),
            ("enterprise_account_name", nil),
            ("app_id", .string(appID)),
            ("resource_name", .string(organization.schemaName)),
            ("schema_name", .string(organization.schemaName)),
            ("db_key", .string(Self.databaseKey(of: organization.cell))),
            ("database", database(organization.cell)),
            ("organization_id", .string("\(organization.organizationID)")),
            ("state", .string(isPaused ? "PAUSED" : organization.connectionState.rawValue)),
            ("state_description", .optional(organization.statusDetail)),
            ("mappings_summary_state", .string(Self.summary(report.mappings))),
            ("detail_url", .string(path)),
            ("notifications_url", .string(path + "/notifications")),
            ("tags", []),
            ("sf_info", information(report)),
            ("created_at", .string(Self.time(report.createdAt))),
            ("auth_updated", Self.time(optional: report.grant?.updatedAt)),
            ("plan", "self-hosted"),
            ("free_edition", false),
            ("dogwood", false),
            ("user_info", .raw(optional: report.grant?.identity)),
            (
                "metrics",
                .object([
                    (
                        "last_write_activity_time",
                        Self.time(optional: report.mappings.compactMap { $0.activity?.lastWriteAt }.max())
                    )
                ])
            ),
            ("logplex_log_enabled", false),
            ("deletable", false),
            ("large_query_threshold", .number(ReplicationLimits.bulkThreshold)),
            ("soap_batch_size", .number(SalesforceLimits.collectionRows)),
            ("features", features(report)),
            ("internal_name", .string(organization.name.text)),
            (
                "odata",
                report.odata.map {
                    .object([("id", .number($0.id)), ("slug", .string($0.slug))])
                } ?? .null
            ),
            ("sf_instance", nil),
            ("sf_region", nil),
        ]
        if isDeep {
            members.append(("mappings", .array(report.mappings.map { mapping($0, of: id) })))
        }
        return .object(members)
    }

    private func information(_ report: ConnectionReport) -> JSONText {
        guard let grant = report.grant else { return nil }
        let organization = report.organization
        return .object([
            ("username", .optional(grant.username)),
            ("organization_id", .string("\(organization.organizationID)")),
            ("environment", .string("\(organization.environment)")),
            ("domain", .string(grant.loginURL)), ("api_version", .string("\(APIVersion.pinned)")),
        ])
    }

    private func database(_ cell: String) -> JSONText {
        let database = databases[cell]
        return .object([
            ("host", .optional(database?.host)), ("database", .optional(database?.database)),
            ("port", .number(database?.port.flatMap { Int($0) } ?? Self.databasePort)),
        ])
    }

    /// Postgres's port if a URL has none.
    private static let databasePort = 5432

    private func features(_ report: ConnectionReport) -> JSONText {
        guard let value = try? JSONValue(parsing: Array(report.settings.utf8)) else { return .object([]) }
        return .raw(ConnectionSettings(stored: value).features.serialized)
    }

    /// A mapping.
    func mapping(_ mapping: ConnectionReport.MappingReport, of connection: UUID) -> JSONText {
        let members = mapping.members
        let activity = mapping.activity
        let (id, connection) = (Self.text(mapping.id), Self.text(connection))
        let path = "/api/v3/mappings/\(id)"
        return .object([
            ("id", .string(id)),
            ("_id", .number(Self.number(mapping.id))),
            ("object_name", .string(mapping.objectName)),
            ("state", .string(mapping.state)),
            // Ours: Heroku Connect pauses connections only.
            ("is_paused", .bool(mapping.pausedAt != nil)),
            ("state_description", .string(mapping.lastError ?? mapping.stateDescription ?? "OK")),
            ("config", .raw(mapping.configuration)),
            ("detail_url", .string(path)),
            ("errors_url", .string(path + "/errors")),
            (
                "schema_url",
                .string(
                    "\(url)/api/v3/connections/\(connection)/schemas/"
                        + PercentCoding.encode(mapping.objectName))
            ),
            ("created_at", .string(Self.time(mapping.createdAt))),
            ("updated_at", .string(Self.time(mapping.updatedAt))),
            ("connection", .object([("id", .string(connection))])),
            ("sf_notify_enabled", .raw(optional: members.notifyEnabled)),
            ("sf_polling_seconds", .raw(optional: members.pollingSeconds)),
            ("access", .raw(optional: members.access)),
            ("upsert_field", .raw(optional: members.upsertField)),
            (
                "counts",
                .object([
                    ("db", .optional(mapping.rows)), ("sf", .optional(mapping.orgRows)),
                    ("pending", .optional(activity?.pending)), ("errors", .optional(activity?.failed)),
                ])
            ),
            ("db_count_date", Self.time(optional: mapping.rowsAt)),
            ("salesforce_count_date", Self.time(optional: mapping.orgRowsAt)),
            ("actively_writing", .bool((activity?.pending ?? 0) > 0)),
            ("is_polling", .bool(mapping.state.hasPrefix("POLLING_SF"))),
            ("has_hc_columns", true),
            ("sync_flags", .object([])),
            (
                "times",
                .object([
                    ("sf_poll", Self.otherTime(activity?.lastPollAt)), ("sf_write", nil), ("db_poll", nil),
                    ("db_write", Self.otherTime(activity?.lastWriteAt)),
                ])
            ),
        ])
    }

    /// The worst of the mappings' states, in words.
    private static func summary(_ mappings: [ConnectionReport.MappingReport]) -> String {
        let states = Set(mappings.filter { $0.pausedAt == nil }.map(\.state))
        if states.contains("ERROR") || states.contains("INVALID") { return "ERROR" }
        let settled: Set<String> = [
            "DATA_SYNCED", "POLLING_SF_CHANGES", "POLLING_SF_BULK", "POLLING_SF_FOR_DELETES",
        ]
        return states.isSubset(of: settled) ? "OK" : "SYNCING"
    }

    /// The name of the variable with the URL of a cell.
    static func databaseKey(of cell: String) -> String {
        cell == "default" ? "DATABASE_URL" : "CELL_\(cell.uppercased())_URL"
    }

    /// A stable id of the app, which has none of its own.
    var appID: String {
        let bytes = Array(app.utf8) + [UInt8](repeating: 0, count: 16)
        let hex = Hex.encode(bytes.prefix(16))
        let cuts = [0, 8, 12, 16, 20, 32]
        return zip(cuts, cuts.dropFirst()).map { first, end in
            String(hex.dropFirst(first).prefix(end - first))
        }.joined(separator: "-")
    }
}

// Values.
extension ConnectionDocument {
    static func text(_ id: UUID) -> String { id.uuidString.lowercased() }

    /// The first 31 bits of an id: clients show the number only.
    static func number(_ id: UUID) -> Int {
        let bytes = id.uuid
        return [bytes.0 & 0x7F, bytes.1, bytes.2, bytes.3].reduce(0) { $0 << 8 | Int($1) }
    }

    /// `2025-07-15T20:52:20.121000Z`
    static func time(_ date: Date) -> String { moment(date, separator: UInt8(ascii: "T")) + "000Z" }

    static func time(optional date: Date?) -> JSONText { date.map { .string(time($0)) } ?? .null }

    /// `2025-07-16 20:12:43.734000+00:00`, the format of `times`.
    static func otherTime(_ date: Date?) -> JSONText {
        date.map { .string(moment($0, separator: UInt8(ascii: " ")) + "000+00:00") } ?? .null
    }

    private static func moment(_ date: Date, separator: UInt8) -> String {
        var bytes: [UInt8] = []
        ISO8601.append(
            instant: Int((date.timeIntervalSince1970 * 1000).rounded()), separator: separator, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
