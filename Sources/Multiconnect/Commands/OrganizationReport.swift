import Activity
import Encoding
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Replication
import Salesforce
import TenantAdmin

/// The output of `multiconnect organizations show`.
struct OrganizationReport {
    let detail: TenantDetail
    let cell: CellAnswer
    let jobs: [JobSummary]
    let link: String

    private var organization: Organization { detail.summary.organization }

    private var report: CellReport? {
        if case .report(let report) = cell { report } else { nil }
    }

    private var silence: String? {
        if case .failure(let text) = cell { text } else { nil }
    }

    func text(now: Date) -> String {
        let parts: [(title: String?, text: String)] = [
            (nil, facts(now)), ("steps", steps), ("objects", mappings), ("open notifications", notifications),
            ("local changes", writes(now)), ("recent jobs", recent(now)), ("activity", activity),
        ]
        return parts.filter { !$0.text.isEmpty }
            .map { part in (part.title.map { "\n\($0):\n" } ?? "") + part.text }.joined(separator: "\n")
    }

    private func facts(_ now: Date) -> String {
        let trouble = organization.connectionTrouble.map { ": \($0.label)" } ?? ""
        let share = detail.usage.map { "\($0.used) of \($0.allowed) in 24 h" }
        let lag = report?.lag.map { JobsText.duration($0) }
        let delivered = report?.stream.flatMap { stream in
            stream.deliveredUsed.map { used in
                "\(used) of \(stream.deliveredMaximum.map { "\($0)" } ?? "?") in 24 h, reported "
                    + JobsText.time(stream.reportedAt)
            }
        }
        let lines: [(String, String?)] = [
            ("org", organization.organizationID.text), ("name", JobsText.plain(organization.name.text)),
            ("id", organization.id.uuidString.lowercased()),
            ("status", "\(organization.status.rawValue) since \(JobsText.time(detail.summary.statusSince))"),
            ("problem", detail.summary.reason.map { JobsText.plain($0) }),
            ("connection", "\(organization.connectionState.rawValue)\(trouble)"),
            ("admin", organization.adminEmail.text),
            ("consent", detail.grant.map { JobsText.plain($0.username ?? "unknown user") }),
            ("link", link), ("schema", organization.schemaName), ("cell", organization.cell),
            ("objects", detail.summary.mappings.text), ("read by", report?.worker), ("lag", lag),
            ("api calls", share), ("events", delivered), ("cell error", silence),
        ]
        return lines.compactMap { name, value in
            value.map { name + String(repeating: " ", count: max(1, 12 - name.count)) + $0 }
        }.joined(separator: "\n")
    }

    private var steps: String {
        TextTable.text(
            ["STEP", "STATE", "TIME", "DETAIL"],
            detail.timeline.map { step in
                [
                    step.title, step.state.rawValue, step.time.map(JobsText.time) ?? "-",
                    JobsText.plain(step.detail ?? "-", length: 80),
                ]
            })
    }

    private var mappings: String {
        guard !detail.mappings.isEmpty else { return "" }
        return TextTable.text(
            ["OBJECT", "STATE", "ROWS", "IN ORG", "COUNTED", "QUARANTINED", "CHANGES BY", "PROBLEM"],
            detail.mappings.map { mapping -> [String] in
                let reading = report?.readings[mapping.id]
                let counted = MappingsListCommand.counts(of: mapping)
                return [
                    mapping.objectName, mapping.pausedAt == nil ? mapping.state?.rawValue ?? "-" : "PAUSED",
                    counted.here, counted.there, counted.time, "\(mapping.quarantined)", reading?.feed ?? "-",
                    JobsText.plain(
                        mapping.waitDetail ?? mapping.lastError ?? reading?.pollError ?? "-", length: 80),
                ]
            })
    }

    private var notifications: String {
        guard !detail.notifications.isEmpty else { return "" }
        return TextTable.text(
            ["ID", "SINCE", "KIND", "MESSAGE"],
            detail.notifications.map { each in
                [
                    "\(each.id)", JobsText.time(each.createdAt), each.eventType,
                    JobsText.plain(each.message, length: 120),
                ]
            })
    }

    private func writes(_ now: Date) -> String {
        guard let report, !report.writes.isEmpty else { return "" }
        return WritesText.table(report.writes, now: now)
    }

    private func recent(_ now: Date) -> String {
        let id = organization.organizationID.text
        return jobs.isEmpty ? "" : JobsText.jobs(jobs, of: [organization.id: id], now: now)
    }

    private var activity: String {
        guard !detail.activity.isEmpty else { return "" }
        return TextTable.text(
            ["TIME", "BY", "ACTION", "DETAIL"],
            detail.activity.prefix(20).map { record in
                [
                    JobsText.time(record.createdAt), JobsText.plain(record.actor), record.action,
                    JobsText.plain(record.detail ?? "-", length: 80),
                ]
            })
    }
}

extension OrganizationReport {
    var document: JSONText {
        let steps = detail.timeline.map { step in
            JSONText.object([
                ("step", .string(step.title)), ("state", .string(step.state.rawValue)),
                ("time", .optional(step.time)), ("detail", .optional(step.detail)),
            ])
        }
        let notifications = detail.notifications.map { each in
            JSONText.object([
                ("id", .number(Int(each.id))), ("kind", .string(each.eventType)),
                ("message", .string(each.message)), ("created_at", .time(each.createdAt)),
            ])
        }
        let activity = detail.activity.map { record in
            JSONText.object([
                ("time", .time(record.createdAt)), ("by", .string(record.actor)),
                ("action", .string(record.action)), ("detail", .optional(record.detail)),
            ])
        }
        return .object(
            OrganizationsText.summary(detail.summary) + [
                ("consented_as", .optional(detail.grant?.username)), ("link", .string(link)),
                (
                    "actions",
                    .array(TenantAction.allCases.filter(detail.actions.contains).map { .string($0.rawValue) })
                ),
                ("steps", .array(steps)), ("objects", .array(detail.mappings.map(object))),
                ("notifications", .array(notifications)), ("api_calls_used", .optional(detail.usage?.used)),
                ("api_calls_allowed", .optional(detail.usage?.allowed)),
                ("events_used", .optional(report?.stream?.deliveredUsed)),
                ("events_allowed", .optional(report?.stream?.deliveredMaximum)),
                ("events_reported_at", .optional(report?.stream?.reportedAt)),
                ("lag_seconds", report?.lag.map { .seconds($0) } ?? .null),
                ("worker", .optional(report?.worker)), ("cell_error", .optional(silence)),
                ("writes", report.map { WritesText.document($0.writes, $0.counts) } ?? .null),
                ("jobs", .array(jobs.map { .object(JobsJSON.job($0, .standard)) })),
                ("activity", .array(activity)),
            ])
    }

    private func object(_ mapping: MappingSummary) -> JSONText {
        let reading = report?.readings[mapping.id]
        return .object([
            ("object", .string(mapping.objectName)), ("state", .optional(mapping.state?.rawValue)),
            ("paused_at", .optional(mapping.pausedAt)), ("rows", .optional(mapping.rows)),
            ("org_rows", .optional(mapping.orgRows)), ("rows_counted_at", .optional(mapping.countedAt)),
            ("quarantined", .number(mapping.quarantined)),
            ("feed", .optional(reading?.feed)), ("last_error", .optional(mapping.lastError)),
            ("waits", .optional(mapping.waitDetail)), ("poll_error", .optional(reading?.pollError)),
        ])
    }
}
