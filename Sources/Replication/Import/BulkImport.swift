internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization

/// Loads the results of a Bulk job that has ended, some pages at a time.
struct BulkImport: Sendable {
    let bulk: BulkQuery
    let jobID: RecordID
    let loader: PageLoader
    let settings: ReplicationSettings
    let gate: AsyncSemaphore
    let job: JobHandle
    /// Looks at how far the import has come after each page, and may end it.
    let onProgress: @Sendable (ImportProgress) async throws -> Void
    let logger: Logger

    private var importID: UUID { loader.record.id }

    /// Loads the pages that are not loaded yet.
    func run() async throws {
        let refusals = Refusals()
        switch try await paging() {
        case .parallel: try await loadInParallel(refusals)
        case .sequential: try await loadInSequence(refusals)
        }
    }

    /// Decided once per import, because the two ways cut pages differently.
    private func paging() async throws -> ImportRecord.Paging {
        if let paging = loader.record.paging { return paging }
        let paging: ImportRecord.Paging
        do {
            _ = try await bulk.resultPages(jobID)
            paging = .parallel
        } catch let error as SalesforceError where error.code == .notFound || error.code == .rejected {
            paging = .sequential
        }
        try await loader.pool.patiently {
            try await ImportStore().choose(paging, for: loader.record, on: $0)
        }
        return paging
    }

    private func loadInSequence(_ refusals: Refusals) async throws {
        var locator: String? = ""
        var seen = SeenLocators()
        while let current = locator {
            try seen.note(current)
            let known = try await loader.pool.patiently {
                try await loader.pages.next(after: current, of: importID, on: $0)
            }
            if let known {
                locator = known
                continue
            }
            try await load(current, maximumRows: settings.bulkPageRows, refusals)
            locator =
                try await loader.pool.patiently {
                    try await loader.pages.next(after: current, of: importID, on: $0)
                } ?? nil
        }
    }

    /// Keeps `parallelPages` pages under way while the list of pages is read.
    private func loadInParallel(_ refusals: Refusals) async throws {
        let loaded = try await loader.pool.patiently {
            try await loader.pages.loaded(of: importID, on: $0)
        }
        var list = PageList(loaded: loaded)
        try await withThrowingTaskGroup(of: Void.self) { group in
            var running = 0
            while let locator = try await nextLocator(&list) {
                if running == max(1, settings.parallelPages) {
                    try await group.next()
                    running -= 1
                }
                running += 1
                group.addTask { try await load(locator, maximumRows: nil, refusals) }
            }
            try await group.waitForAll()
        }
    }

    /// What the pages so far say of the next: where most are refused, trying them the fast way costs time.
    private final class Refusals: Sendable {
        /// Refused pages less those that were taken.
        private let balance = Mutex(0)

        var way: PageLoader.Way { balance.withLock { $0 > 0 ? .staged : .direct } }

        /// Within bounds, so that the way changes soon after the pages do.
        func note(_ change: Int) { balance.withLock { $0 = min(2, max(-2, $0 + change)) } }
    }

    /// Locators that Salesforce has listed and that are not loaded.
    private struct PageList {
        let loaded: Set<String>
        var waiting: [String] = []
        var next: String?
        var isComplete = false
        var seenPages = SeenLocators()
        var seenLists = SeenLocators()
    }

    private func nextLocator(_ list: inout PageList) async throws -> String? {
        while list.waiting.isEmpty, !list.isComplete {
            let pages = try await bulk.resultPages(jobID, after: list.next)
            let locators = pages.locators.map { $0 ?? "" }
            for locator in locators { try list.seenPages.note(locator) }
            if let next = pages.next { try list.seenLists.note(next) }
            list.waiting = locators.filter { !list.loaded.contains($0) }
            list.next = pages.next
            list.isComplete = pages.next == nil
        }
        return list.waiting.isEmpty ? nil : list.waiting.removeFirst()
    }

    /// Loads a page, with some tries for a line that breaks, and the slow way for a page that the table refuses.
    private func load(_ locator: String, maximumRows: Int?, _ refusals: Refusals) async throws {
        var way = refusals.way
        var attempt = 1
        var backoff = Backoff(initial: .milliseconds(500), maximum: .seconds(5))
        while true {
            try job.checkClaim()
            do {
                let page = try await loadOnce(locator, maximumRows: maximumRows, way)
                // A staged page of which every row fits has widened the table: the next may go the fast way.
                if way == .direct || page?.quarantined == 0 { refusals.note(-1) }
                return try await report()
            } catch {
                if way == .direct, PageLoader.isRefusal(error) {
                    logger.debug("a page is replayed", metadata: ["error": "\(error)"])
                    refusals.note(1)
                    way = .staged
                    continue
                }
                guard attempt < ReplicationLimits.pageAttempts, PageLoader.isTransient(error) else {
                    throw error
                }
                logger.debug("a page is tried again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: backoff.next())
                attempt += 1
            }
        }
    }

    private func loadOnce(
        _ locator: String, maximumRows: Int?, _ way: PageLoader.Way
    ) async throws -> LoadedPage? {
        try await gate.withPermit {
            try await bulk.results(
                of: jobID, locator: locator.isEmpty ? nil : locator, maximumRows: maximumRows,
                compression: settings.compression
            ) { results in
                try await loader.load(locator, next: results.locator, rows: results.rows, way: way) {
                    try await results.next()
                }
            }
        }
    }

    private func report() async throws {
        let progress = try await loader.pool.patiently {
            try await ImportStore().progress(of: importID, on: $0)
        }
        try await job.report(progress)
        try await onProgress(progress)
    }
}

/// Locators that Salesforce has named: one that comes again would load pages twice, or for ever.
struct SeenLocators: Sendable {
    private var locators: Set<String> = []

    /// Throws `.repeatedLocator`.
    mutating func note(_ locator: String) throws(ReplicationError) {
        guard locators.insert(locator).inserted else {
            throw ReplicationError(
                .repeatedLocator,
                "Salesforce named the page \(locator.debugDescription) of a Bulk result twice")
        }
    }
}
