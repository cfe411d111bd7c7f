package import Activity
package import FoundationEssentials
import Logging
package import Organizations
import Postgres

extension TenantOperator {
    /// The newest open notifications of all tenants.
    package func openNotifications(limit: Int) async throws -> [OperatorNotification] {
        try await control.withConnection { try await NotificationStore(on: $0).open(limit: limit) }
    }

    /// Records of activity, the newest first.
    ///
    /// - Parameters:
    ///   - organization: nil: all.
    ///   - before: the last record of the page before.
    package func activity(
        of organization: UUID? = nil, before id: Int64? = nil
    ) async throws -> (records: [ActivityRecord], organizations: [UUID: Organization]) {
        try await control.withConnection { connection in
            let records = try await ActivityStore(on: connection, timeout: TenantAdminLimits.statement)
                .list(organization: organization, before: id, limit: TenantAdminLimits.activity)
            let tenants = Set(records.compactMap(\.organization))
            return (records, try await OrganizationStore(on: connection).find(ids: tenants))
        }
    }

    /// Mails, the newest first.
    ///
    /// - Parameters:
    ///   - organization: nil: all.
    ///   - before: the last mail of the page before.
    package func mails(
        of organization: UUID? = nil, before id: Int64? = nil
    ) async throws -> (mails: [StoredMail], organizations: [UUID: Organization]) {
        try await control.withConnection { connection in
            let mails = try await MailStore(on: connection).list(
                organization: organization, before: id, limit: TenantAdminLimits.mails)
            let tenants = Set(mails.compactMap(\.organization))
            return (mails, try await OrganizationStore(on: connection).find(ids: tenants))
        }
    }

    /// The cells by name. All are asked at the same time, for a limited time.
    ///
    /// - Parameter measuresSize: whether their sizes are read.
    package func cellStates(measuresSize: Bool = false) async -> [CellStatus] {
        await withTaskGroup(of: CellStatus.self) { group in
            for name in cells.keys { group.addTask { await state(of: name, measuresSize) } }
            var states: [CellStatus] = []
            for await state in group { states.append(state) }
            return states.sorted { $0.name < $1.name }
        }
    }

    private func state(of cell: String, _ measuresSize: Bool) async -> CellStatus {
        do {
            var report = try await withCell(named: cell, within: TenantAdminLimits.cellWait) {
                try await CellStatusStore().report(on: $0)
            }
            if measuresSize {
                report.bytes = try? await withCell(named: cell, within: TenantAdminLimits.cellWait) {
                    try await CellStatusStore().size(on: $0)
                }
            }
            return CellStatus(name: cell, answer: .report(report))
        } catch {
            logger.warning("could not read cell", metadata: ["cell": "\(cell)", "error": "\(error)"])
            return CellStatus(name: cell, answer: .failure(Self.text(of: error, cell)))
        }
    }
}
