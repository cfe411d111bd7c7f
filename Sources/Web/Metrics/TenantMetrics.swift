import Metrics
import Replication

/// The metrics of tenants. None has a label for a tenant: there may be thousands.
struct TenantMetrics: Sendable {
    let figures: TenantFigures

    func add(to page: inout Exposition) {
        add(Self.tenants, "status", figures.tenants, to: &page)
        add(Self.mappings, "state", figures.mappings, to: &page)
        add(Self.notifications, "kind", figures.notifications, to: &page)
        add(Self.apiUsed, "percent", figures.apiUsed, to: &page)
        let cells = figures.cells.sorted { $0.key < $1.key }
        page.add(Self.cells, cells.map { .init($1 == nil ? 0 : 1, .init("cell", $0)) })
        page.add(
            Self.leases,
            cells.flatMap { name, cell in
                ["held", "free"].compactMap { state in
                    cell.map {
                        .init(Double($0.leases[state] ?? 0), .init("cell", name), .init("state", state))
                    }
                }
            })
        add(Self.streams, "state", figures.sum(\.streams), to: &page)
        add(Self.late, "seconds", figures.sum(\.late), to: &page)
        add(Self.eventsUsed, "percent", figures.sum(\.eventsUsed), to: &page)
        add(Self.behind, "changes", figures.sum(\.behind), to: &page)
        page.add(
            Self.waitingWrites,
            cells.compactMap { name, cell in
                cell.map { .init(Double($0.waitingWrites), .init("cell", name)) }
            })
        add(Self.attempts, "state", figures.sum(\.openAttempts), to: &page)
        page.add(
            Self.rereads,
            cells.compactMap { name, cell in cell.map { .init(Double($0.rereads), .init("cell", name)) } })
    }

    private func add(
        _ metric: Metric, _ label: String, _ counts: TenantFigures.Counts, to page: inout Exposition
    ) {
        page.add(
            metric, counts.sorted { $0.key < $1.key }.map { .init(Double($1), .init(label, $0)) })
    }

    private static let tenants = Metric("multiconnect_tenants", .gauge, "Tenants by status.")
    private static let mappings = Metric("multiconnect_mappings", .gauge, "Mappings by state.")
    private static let notifications = Metric(
        "multiconnect_open_notifications", .gauge, "Open notifications to operators by kind.")
    private static let apiUsed = Metric(
        "multiconnect_tenants_api_used", .gauge,
        "Tenants that have used at least this percentage of their API calls of 24 hours.")
    private static let cells = Metric(
        "multiconnect_cell_up", .gauge, "1 if a cell answers. If it is 0, its metrics are missing.")
    private static let leases = Metric(
        "multiconnect_tenant_leases", .gauge, "Tenants that a worker holds, and those that none holds.")
    private static let streams = Metric(
        "multiconnect_streams", .gauge, "Held tenants by the state of their event stream.")
    private static let late = Metric(
        "multiconnect_tenants_late", .gauge,
        "Tenants whose last change arrived at least this many seconds after its commit in Salesforce.")
    private static let eventsUsed = Metric(
        "multiconnect_tenants_events_used", .gauge,
        "Tenants that have used at least this percentage of their delivered events of 24 hours.")
    private static let waitingWrites = Metric(
        "multiconnect_writes_waiting", .gauge,
        "Users' changes that wait to be sent. Counting stops at 10,000 per tenant and state.")
    private static let behind = Metric(
        "multiconnect_tenants_writes_waiting", .gauge,
        "Tenants with at least this many changes that wait to be sent.")
    private static let attempts = Metric(
        "multiconnect_write_attempts_open", .gauge, "Requests with writes without a recorded outcome.")
    private static let rereads = Metric(
        "multiconnect_rereads_waiting", .gauge,
        "Records that wait to be read again. Counting stops at 100,000.")
}
