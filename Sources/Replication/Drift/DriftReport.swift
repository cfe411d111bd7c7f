internal import Activity
internal import FoundationEssentials
internal import Organizations
internal import Postgres
internal import TenantSchema

/// Shows operators how a tenant's table changed: state and problems of the mapping, notifications, activity.
struct DriftReport: Sendable {
    let services: ReplicationServices
    let tenant: Tenant
    let mapping: Mapping

    /// Types of notifications.
    static let pausedType = "columns_paused"
    static let goneType = "object_gone"
    static let captureType = "capture_lost"

    private static let working: Set<Mapping.State> = [
        .dataSynced, .pollingChanges, .pollingBulk, .pollingForDeletes, .error,
    ]

    /// The table is about to be altered.
    func begin() async throws {
        try await services.control.withConnection {
            try await MappingStore().move(mapping.id, to: .schemaChanged, from: Self.working, on: $0)
        }
    }

    /// Nothing is left to alter. Ends the state of an alteration that was interrupted after its last change.
    func endInterrupted() async throws {
        guard mapping.state == .schemaChanged else { return }
        try await services.control.withConnection {
            try await MappingStore().move(mapping.id, to: .dataSynced, from: [.schemaChanged], on: $0)
        }
    }

    /// The table is altered, as far as that was possible.
    func end(_ report: TableAlteration.Report, by actor: String = "multiconnect") async throws {
        let lines = report.lines
        try await services.control.transaction { connection in
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            let store = MappingStore()
            try await store.move(
                mapping.id, to: report.needsBackfill ? .resync : .dataSynced, from: [.schemaChanged],
                on: connection)
            let paused = report.table.pausedColumns.sorted { $0.key < $1.key }.map {
                MappingProblem(.pausedColumn, name: $0.key, message: "\($0.key) is not synced: \($0.value)")
            }
            try await store.setProblems(
                report.table.plan.problems.filter { $0.kind != .unknownField } + paused
                    + report.table.plan.problems.filter { $0.kind == .unknownField },
                of: mapping.id, on: connection)
            if !lines.isEmpty {
                try await ActivityStore(on: connection).add(
                    "schema_changed", by: actor, organization: tenant.id,
                    detail: String(
                        "\(mapping.objectName): \(lines.joined(separator: "; "))".prefix(
                            ReplicationLimits.reasonCharacters)))
            }
            let notifications = NotificationStore(on: connection)
            if report.isCaptureRestored, report.table.plan.access == .readWrite {
                try await notifications.update(
                    Self.captureType, organization: tenant.id, subject: mapping.objectName,
                    message: """
                        the table had lost its triggers, and they are created again. Changes made without \
                        them are not sent: make them again. `multiconnect verify \(tenant.orgID) \
                        \(mapping.objectName)` finds them
                        """)
            }
            if paused.isEmpty {
                try await notifications.resolve(
                    Self.pausedType, organization: tenant.id, subject: mapping.objectName)
            } else {
                try await notifications.update(
                    Self.pausedType, organization: tenant.id, subject: mapping.objectName,
                    message: paused.map(\.message).joined(separator: "; "))
            }
        }
    }

    /// The object is gone, or the user may not read it any more.
    func noteGone(_ problems: [MappingProblem]) async throws {
        let reason = problems.first { $0.isFatal }?.message ?? "the object cannot be read"
        try await services.control.transaction { connection in
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            guard try await MappingStore().stop(mapping.id, reason, on: connection) else { return }
            try await NotificationStore(on: connection).update(
                Self.goneType, organization: tenant.id, subject: mapping.objectName,
                message: "\(reason). Its rows stay as they are")
        }
    }

    /// The object is back.
    func noteBack() async throws {
        try await services.control.transaction { connection in
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            try await MappingStore().move(mapping.id, to: .dataSynced, from: [.error], on: connection)
            try await NotificationStore(on: connection).resolve(
                Self.goneType, organization: tenant.id, subject: mapping.objectName)
        }
    }
}

extension TableAlteration.Report {
    /// The changes as short texts for operators.
    var lines: [String] {
        var lines = added.map {
            kept.contains($0) ? "kept the column \($0), which the table has" : "added the column \($0)"
        }
        lines += restored.map { "created the column \($0) again, which somebody dropped" }
        lines += removed.map { "the column \($0) is not mapped any more and keeps its values" }
        lines += widened.map { "the column \($0.column) is now \($0.type.sql)" }
        lines += paused.sorted { $0.key < $1.key }.map {
            "the column \($0.key) is not read any more: \($0.value)"
        }
        lines += resumed.map { "the column \($0) is read again" }
        lines += addedIndexes.map { "added the index \($0)" }
        lines += droppedIndexes.map { "dropped the index \($0)" }
        if isAccessChanged { lines.append("the mapping is now \(table.plan.access.rawValue)") }
        if isCaptureRestored { lines.append("created the triggers again, which somebody dropped") }
        if isFilterChanged { lines.append("the row filter changed, so all rows are read again") }
        if isPending {
            lines.append(
                "other changes wait: the table is locked, an object uses a column, or local changes are not "
                    + "sent yet"
            )
        }
        return lines
    }
}
