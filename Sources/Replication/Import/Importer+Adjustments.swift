internal import Organizations
internal import Postgres

extension Importer {
    /// Notifies operators of types and indexes of the table that were changed for the org's rows, and of nulled cells.
    func noteAdjustments(
        _ record: ImportRecord, _ mapping: Mapping, _ plan: ImportPlan, _ cell: PostgresPool
    ) async throws {
        let adjustments = try await cell.patiently { connection in
            let nulled = try await QuarantineStore().nulledCells(of: record.id, on: connection)
            return try await TableShape(of: plan, on: connection).differences(from: plan)
                + nulled.map { column, cells in
                    "\(cells) cell\(cells == 1 ? "" : "s") of the column \(column) do not fit its type and are "
                        + "null: multiconnect_sync.nulled_cells has their text"
                }
        }
        guard !adjustments.isEmpty else { return }
        let message = "\(mapping.objectName): \(adjustments.joined(separator: "; "))"
        try await site.control.withConnection {
            try await NotificationStore(on: $0).add(
                "table_adjusted", organization: mapping.organizationID, message: message)
        }
    }
}
