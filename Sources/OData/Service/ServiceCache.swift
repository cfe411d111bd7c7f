import FoundationEssentials
import HTTPServer
import HTTPWire
import Postgres
import Synchronization
import TenantAdmin

/// The services that a process answers for, and the requests that it has counted. All loops
/// of a process share one.
///
/// A service is read again after `ODataLimits.cacheTime`. The same statement adds the requests since then to
/// the service's row, so that the limit per hour holds over all processes.
package final class ServiceCache: Sendable {
    /// A service with its tables.
    struct Entry: Sendable {
        let service: ODataService
        let tables: [ODataTable]
    }

    private struct Slot {
        var entry: Entry?
        var readAt: ContinuousClock.Instant
        /// When a request last began to read the service.
        var claimedAt: ContinuousClock.Instant
        /// Requests that the service's row does not count yet.
        var pending = 0
    }

    private let slots = Mutex<[String: Slot]>([:])
    /// Wrong credentials by address.
    let failures = RateLimiter(rate: ODataLimits.failures)

    package init() {}

    /// The service with this slug. Nil if there is none.
    func entry(
        slug: String, control: PostgresPool, cells: [String: PostgresPool]
    ) async throws -> Entry? {
        let now = ContinuousClock.now
        let (known, pending) = slots.withLock { slots -> (Entry?, Int) in
            guard let slot = slots[slug], let entry = slot.entry else { return (nil, 0) }
            let isFresh = now - slot.readAt < ODataLimits.cacheTime
            // While one request reads it again, the others use what is known.
            let isBeingRead =
                now - slot.claimedAt < ODataLimits.cacheTime && now - slot.readAt < ODataLimits.outageTime
            if isFresh || isBeingRead { return (entry, 0) }
            slots[slug]?.claimedAt = now
            slots[slug]?.pending = 0
            return (nil, slot.pending)
        }
        if let known { return known }
        do {
            let entry = try await read(slug, adding: pending, control, cells)
            slots.withLock { slots in
                guard let entry else {
                    slots[slug] = nil
                    return
                }
                var slot = slots[slug] ?? Slot(readAt: now, claimedAt: now)
                slot.entry = entry
                slot.readAt = now
                slots[slug] = slot
            }
            return entry
        } catch {
            slots.withLock { $0[slug]?.pending += pending }
            throw error
        }
    }

    private func read(
        _ slug: String, adding pending: Int, _ control: PostgresPool, _ cells: [String: PostgresPool]
    ) async throws -> Entry? {
        let deadline = ContinuousClock.now + ODataLimits.catalogTime
        let service = try await control.withConnection(deadline: deadline) {
            try await ODataServiceStore().find(slug: slug, adding: pending, on: $0)
        }
        guard let service else { return nil }
        guard let cell = cells[service.cell] else {
            throw Problem(.serviceUnavailable, "This process has no URL of the tenant's database.")
        }
        let tables = try await cell.withConnection(deadline: deadline) {
            try await ODataTableStore(of: service).tables(service.selections, on: $0)
        }
        return Entry(service: service, tables: tables)
    }

    /// Counts a request. Returns the time until the next hour if there were too many.
    func take(_ entry: Entry, now: Date = Date()) -> Duration? {
        let service = entry.service
        let hour: Double = 60 * 60
        let isSameHour = now.timeIntervalSince(service.hour) < hour
        return slots.withLock { slots in
            let pending = slots[service.slug]?.pending ?? 0
            let used = (isSameHour ? service.usedRequests : 0) + pending
            guard used < service.hourlyRequests else {
                let rest = hour - now.timeIntervalSince1970.truncatingRemainder(dividingBy: hour)
                return .seconds(rest)
            }
            slots[service.slug]?.pending += 1
            return nil
        }
    }

    /// Forgets what is known of a service's tables, because they have changed.
    func expire(slug: String) {
        slots.withLock { slots in
            slots[slug]?.readAt = .now - ODataLimits.outageTime
            slots[slug]?.claimedAt = .now - ODataLimits.outageTime
        }
    }
}
