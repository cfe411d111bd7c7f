internal import Activity
internal import Organizations
internal import Postgres
internal import TenantSchema

/// Notifies operators of rows, cells and tables of one import that differ from the plan.
struct ImportNotices: Sendable {
    let control: PostgresPool
    let cell: PostgresPool
    let mapping: Mapping
    let plan: ImportPlan

    /// Shows the number of quarantined rows. The first one is notified.
    func noteQuarantined(_ progress: ImportProgress) async throws {
        guard progress.quarantined > 0 else { return }
        try await RefusedRowNotice(control: control, mapping: mapping).note(progress.quarantined)
    }

    /// Notifies of changed types and indexes and of nulled cells: one notification per mapping, which is
    /// updated.
    func noteAdjustments(_ record: ImportRecord) async throws {
        let adjustments = try await cell.withCellConnection { connection in
            let nulled = try await QuarantineStore().nulledCells(of: record.id, on: connection)
            return try await TableShape(of: plan, on: connection).differences(from: plan)
                + nulled.map { column, cells in
                    "\(cells) cell\(cells == 1 ? "" : "s") of the column \(column) do not fit its type "
                        + "and are null: multiconnect_sync.nulled_cells has their text"
                }
        }
        guard !adjustments.isEmpty else { return }
        try await control.transaction { connection in
            // Two pages must not both add the notification.
            _ = try await OrganizationStore(on: connection).lock(id: mapping.organizationID)
            try await NotificationStore(on: connection).update(
                "table_adjusted", organization: mapping.organizationID, subject: mapping.objectName,
                message: adjustments.joined(separator: "; "))
        }
    }
}
