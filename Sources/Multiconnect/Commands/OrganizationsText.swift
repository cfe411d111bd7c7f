import Encoding
import FoundationEssentials
import Organizations
import Salesforce
import TenantAdmin

/// Formats tenants for a terminal and as JSON.
enum OrganizationsText {
    static func table(
        _ tenants: [TenantSummary], _ traffic: [UUID: TenantTraffic], now: Date
    ) -> String {
        guard !tenants.isEmpty else { return "no tenants" }
        let rows = tenants.map { tenant -> [String] in
            let organization = tenant.organization
            let counted: TimeInterval? = tenant.mappings.countedAt.map { now.timeIntervalSince($0) }
            return [
                organization.organizationID.text, organization.status.rawValue,
                JobsText.duration(now.timeIntervalSince(tenant.statusSince)), tenant.mappings.text,
                "\(tenant.mappings.rows)", "\(tenant.mappings.orgRows)",
                counted.map { JobsText.duration($0) + " ago" } ?? "-",
                traffic[organization.id]?.lag.map { JobsText.duration(Double($0) / 1_000) } ?? "-",
                "\(traffic[organization.id]?.waitingWrites ?? 0)", "\(tenant.notifications)",
                organization.cell, JobsText.plain(organization.name.text, length: 40),
                JobsText.plain(tenant.reason ?? tenant.attention.label ?? "-", length: 80),
            ]
        }
        return TextTable.text(
            [
                "ORG", "STATUS", "SINCE", "OBJECTS", "ROWS", "IN ORG", "COUNTED", "LAG", "WAITING", "OPEN",
                "CELL",
                "NAME", "PROBLEM",
            ],
            rows)
    }

    static func document(_ tenants: [TenantSummary], _ traffic: [UUID: TenantTraffic]) -> JSONText {
        .object([
            (
                "organizations",
                .array(
                    tenants.map { tenant in
                        let own = traffic[tenant.organization.id]
                        return .object(
                            summary(tenant) + [
                                (
                                    "lag_seconds",
                                    own?.lag.map { .seconds(Double($0) / 1_000) } ?? .null
                                ), ("waiting_changes", .number(own?.waitingWrites ?? 0)),
                            ])
                    })
            )
        ])
    }

    static func summary(_ tenant: TenantSummary) -> [(String, JSONText)] {
        let organization = tenant.organization
        let tally = tenant.mappings
        return [
            ("org_id", .string(organization.organizationID.text)), ("id", .optional(organization.id)),
            ("name", .string(organization.name.text)),
            ("admin_email", .string(organization.adminEmail.text)),
            ("environment", .string(organization.environment.description)),
            ("status", .string(organization.status.rawValue)), ("status_since", .time(tenant.statusSince)),
            ("status_detail", .optional(organization.statusDetail)),
            ("attention", .optional(tenant.attention.label)), ("schema", .string(organization.schemaName)),
            ("cell", .string(organization.cell)),
            ("connection_state", .string(organization.connectionState.rawValue)),
            ("connection_trouble", .optional(organization.connectionTrouble?.rawValue)),
            ("created_at", .time(organization.createdAt)),
            ("authorized_at", .optional(organization.authorizedAt)),
            (
                "mappings",
                .object([
                    ("total", .number(tally.total)), ("synced", .number(tally.synced)),
                    ("loading", .number(tally.loading)), ("error", .number(tally.failed)),
                    ("not_syncable", .number(tally.invalid)), ("paused", .number(tally.paused)),
                    ("waiting", .number(tally.waiting)),
                ])
            ),
            ("rows", .number(tally.rows)), ("org_rows", .number(tally.orgRows)),
            ("rows_counted_at", .optional(tally.countedAt)),
            ("quarantined", .number(tally.quarantined)),
            ("open_notifications", .number(tenant.notifications)),
            ("last_error", .optional(tenant.lastError.map { "\($0.objectName): \($0.text)" })),
        ]
    }
}
