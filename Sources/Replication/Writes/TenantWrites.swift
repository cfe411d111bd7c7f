internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor

/// Writes a tenant's changes to its org while its lease is held. One value per loop.
///
/// A tenant without changes costs one waiting task and a query from time to time.
package struct TenantWrites: Sendable {
    private let services: WriteServices

    package init(_ services: WriteServices) {
        self.services = services
    }

    /// Runs until the calling task is cancelled. Throws `.leaseLost`, and errors that do not pass.
    package func run(_ run: TenantRun) async throws {
        let id = run.lease.organizationID
        let organization = try await services.replication.control.withConnection {
            try await OrganizationStore(on: $0).get(id: id)
        }
        let tenant = Tenant(organization)
        guard tenant.work == .allowed else {
            // The lease is released soon.
            try await Event().wait()
            return
        }
        let context = try WriteContext(services, tenant, run.lease)
        var notifies = try await applySettings(context)
        // Spread, so that a takeover of many tenants does not read all logs at once.
        var next = ContinuousClock.now + services.pace.activePoll * Double.random(in: 0...1)
        var activeUntil = ContinuousClock.now
        while true {
            try await run.writerNews.event.wait(until: next)
            let reasons = run.writerNews.take()
            if reasons.contains(.mappings) { services.layouts.forgetAll(of: id) }
            if try await hasWork(context) {
                try await withOwnTask {
                    var session = WriteSession(context, news: run.writerNews)
                    try await session.run()
                }
                // The session took reasons too.
                notifies = try await applySettings(context)
                activeUntil = .now + services.pace.linger
            } else if !reasons.isEmpty {
                if reasons.contains(.mappings) { notifies = try await applySettings(context) }
                activeUntil = .now + services.pace.linger
            }
            let isActive = !notifies || activeUntil > .now
            next =
                .now + (isActive ? services.pace.activePoll : services.pace.idlePoll)
                * Double.random(in: 0.8...1.2)
        }
    }

    /// Turns the announcements of users' changes on or off, as the connection's settings say. Returns whether
    /// they are on.
    private func applySettings(_ context: WriteContext) async throws -> Bool {
        let settings = try await services.replication.control.withConnection {
            try await ConnectionStore(on: $0).settings(of: context.tenant.id)
        }
        let store = LogNotifyStore(context.tenant)
        let isOn = try await context.cell.withCellConnection { try await store.isOn(on: $0) }
        if isOn != settings.notifies {
            try await context.fenced { try await store.set(settings.notifies, on: $0) }
        }
        return settings.notifies
    }

    private func hasWork(_ context: WriteContext) async throws -> Bool {
        try await context.cell.withCellConnection {
            try await LogStore(schema: context.tenant.schema, tables: [])
                .hasWork(of: context.tenant.id, on: $0)
        }
    }
}
