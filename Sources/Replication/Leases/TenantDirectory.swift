internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import Synchronization

/// The tenants that workers should hold, for the loops of all cells. One task reads them from the control
/// database: all at start and from time to time, and those that a notification names.
final class TenantDirectory: Sendable {
    private struct State {
        /// Nil until the first list is read.
        var entries: [UUID: TenantListStore.Entry]?
        var noted: Set<UUID> = []
        var isAllNoted = true
        /// Tenants by schema.
        var schemas: [String: UUID] = [:]
    }

    private let control: PostgresPool
    private let store: TenantListStore
    private let limits: LeaseLimits
    /// Called with the cells whose tenants changed.
    private let onChange: @Sendable (Set<String>) -> Void
    private let logger: Logger
    private let state = Mutex(State())
    private let work = Event()

    init(
        control: PostgresPool, limits: LeaseLimits, logger: Logger,
        onChange: @escaping @Sendable (Set<String>) -> Void
    ) {
        self.control = control
        self.limits = limits
        self.logger = logger
        self.onChange = onChange
        store = TenantListStore(limits: limits)
    }

    /// The tenants of a cell that workers should hold, with their weights. Nil while they are unknown.
    func tenants(of cell: String) -> [UUID: Int]? {
        state.withLock { state in
            state.entries.map { entries in
                entries.values.reduce(into: [:]) { if $1.cell == cell { $0[$1.id] = $1.weight } }
            }
        }
    }

    /// The tenant with this schema. Nil if it is not known.
    func tenant(ofSchema schema: String) -> UUID? {
        state.withLock { $0.schemas[schema] }
    }

    /// A notification named this tenant.
    func note(_ organization: UUID) {
        state.withLock { _ = $0.noted.insert(organization) }
        work.set()
    }

    /// Notifications may have been lost.
    func noteAll() {
        state.withLock { $0.isAllNoted = true }
        work.set()
    }

    /// Runs until cancelled.
    func run() async {
        var backoff = Backoff(initial: .milliseconds(100), maximum: limits.planning)
        var nextListing = ContinuousClock.now
        while !Task.isCancelled {
            work.reset()
            if nextListing <= .now { state.withLock { $0.isAllNoted = true } }
            do {
                if try await read() { nextListing = .now + limits.listing }
                backoff.reset()
                let timer = EventLoop.current.schedule(at: nextListing) { self.work.set() }
                defer { timer.cancel() }
                try await work.wait()
            } catch {
                if !(error is CancellationError) {
                    logger.debug("could not list tenants", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: backoff.next())
            }
        }
    }

    /// Reads what was noted. True if it read all tenants.
    private func read() async throws -> Bool {
        let (isAll, noted) = state.withLock { ($0.isAllNoted, $0.noted) }
        guard isAll || !noted.isEmpty else { return false }
        // Cleared first: what is noted during the statement is read again.
        state.withLock {
            $0.isAllNoted = false
            $0.noted = []
        }
        do {
            let found = try await control.withConnection {
                try await store.list(isAll ? nil : noted, on: $0)
            }
            let cells = state.withLock { Self.merge(found, replacing: isAll ? nil : noted, into: &$0) }
            if !cells.isEmpty { onChange(cells) }
            return isAll
        } catch {
            state.withLock {
                $0.isAllNoted = $0.isAllNoted || isAll
                $0.noted.formUnion(noted)
            }
            throw error
        }
    }

    /// - Parameter noted: the tenants that were searched; nil: all.
    /// - Returns: the cells whose tenants changed.
    private static func merge(
        _ found: [TenantListStore.Entry], replacing noted: Set<UUID>?, into state: inout State
    ) -> Set<String> {
        let before = state.entries ?? [:]
        var after = noted == nil ? [:] : before
        for id in noted ?? [] { after[id] = nil }
        for entry in found { after[entry.id] = entry }
        let isFirst = state.entries == nil
        state.entries = after
        state.schemas = Dictionary(
            after.values.map { ($0.schema, $0.id) }, uniquingKeysWith: { first, _ in first })
        let changed = noted ?? Set(before.keys).union(after.keys)
        return changed.reduce(into: []) { cells, id in
            guard before[id] != after[id] || isFirst else { return }
            for entry in [before[id], after[id]].compactMap(\.self) { cells.insert(entry.cell) }
        }
    }
}
