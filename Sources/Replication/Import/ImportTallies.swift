internal import FoundationEssentials
package import Metrics
internal import Synchronization

/// Counts of rows that this process has imported or reloaded, until they are added to the totals of all
/// processes.
package final class ImportTallies: Sendable {
    /// The same by tenant, for charts.
    package let tenants = TenantTallies()
    private let rows = Mutex<[String: Int]>([:])

    package init() {}

    func count(_ number: Int, isReload: Bool, of organization: UUID) {
        tenants.add(TenantFlow(rowsIn: number), of: organization)
        rows.withLock { $0[isReload ? "reload" : "import", default: 0] += number }
    }

    /// Takes the counts since the last call.
    package func take() -> Totals {
        let taken = rows.withLock { rows in
            defer { rows = [:] }
            return rows
        }
        var totals = Totals()
        for (kind, number) in taken { totals.add(number, to: ImportMetric.rows, kind) }
        return totals
    }
}

/// The metric of imports.
package enum ImportMetric {
    package static let rows = Metric(
        "multiconnect_import_rows_total", .counter, "Rows that imports and reloads have read.")
}
