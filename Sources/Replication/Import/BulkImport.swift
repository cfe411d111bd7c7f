internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization

/// Loads the results of a complete Bulk job, several pages at a time.
struct BulkImport: Sendable {
    let bulk: BulkQuery
    let jobID: SalesforceID
    let loader: PageLoader
    let settings: ReplicationSettings
    let gate: AsyncSemaphore
    let job: JobContext
    let notices: ImportNotices
    let logger: Logger

    private var importID: UUID { loader.record.id }

    /// Loads the pages that are not loaded yet. Throws `.tooManyQuarantined` as soon as the limit is
    /// exceeded.
    func run() async throws {
        let history = History()
        switch try await paging() {
        case .parallel: try await loadInParallel(history)
        case .sequential: try await loadInSequence(history)
        }
    }

    /// Decided once per import, because the two ways divide pages differently.
    private func paging() async throws -> ImportRecord.Paging {
        if let paging = loader.record.paging { return paging }
        let paging: ImportRecord.Paging
        do {
            _ = try await bulk.resultPages(jobID)
            paging = .parallel
        } catch let error as SalesforceError where error.code == .notFound || error.code == .rejected {
            paging = .sequential
        }
        try await loader.pool.withCellConnection {
            try await ImportStore().choose(paging, for: loader.record, on: $0)
        }
        return paging
    }

    private func loadInSequence(_ history: History) async throws {
        var locator: String? = ""
        var seen = SeenLocators()
        while let current = locator {
            try seen.note(current)
            let known = try await loader.pool.withCellConnection {
                try await loader.pages.next(after: current, of: importID, on: $0)
            }
            if let known {
                locator = known
                continue
            }
            try await load(current, maximumRows: settings.bulkPageRows, history)
            locator =
                try await loader.pool.withCellConnection {
                    try await loader.pages.next(after: current, of: importID, on: $0)
                } ?? nil
        }
    }

    /// Loads `parallelPages` pages at a time while it reads the list of pages.
    private func loadInParallel(_ history: History) async throws {
        let loaded = try await loader.pool.withCellConnection {
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
                group.addTask { try await load(locator, maximumRows: nil, history) }
            }
            try await group.waitForAll()
        }
    }

    /// Chooses the method for the next page from the results so far. If most pages were refused, trying COPY
    /// first would cost time.
    private final class History: Sendable {
        /// Refused pages minus accepted pages, for each method that can be refused.
        private let balances = Mutex<[PageCopy.Method: Int]>([:])
        private let pagesWithNulledCells = Mutex(0)

        var method: PageCopy.Method {
            balances.withLock { balances in
                if balances[.direct, default: 0] <= 0 { return .direct }
                return balances[.tolerant, default: 0] <= 0 ? .tolerant : .staged
            }
        }

        /// The balance is bounded, so that the method changes soon after the pages change.
        func noteRefused(_ method: PageCopy.Method, _ change: Int) {
            balances.withLock { $0[method] = min(2, max(-2, $0[method, default: 0] + change)) }
        }

        /// Counts a page with nulled cells. True for the first, second, fourth, eighth and so on: a count of
        /// all nulled cells after each page would get slower with every page.
        func isNulledPageNoticed() -> Bool {
            pagesWithNulledCells.withLock { pages in
                pages += 1
                return pages & (pages - 1) == 0
            }
        }
    }

    /// Salesforce's list of pages, without the loaded ones.
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

    /// Loads a page. Tries again when the connection breaks, and stages a page that the table refuses.
    private func load(_ locator: String, maximumRows: Int?, _ history: History) async throws {
        var method = history.method
        var attempt = 1
        var backoff = Backoff(initial: .milliseconds(500), maximum: .seconds(5))
        while true {
            try job.checkClaim()
            do {
                let page = try await loadOnce(locator, maximumRows: maximumRows, method)
                switch method {
                case .direct, .tolerant: history.noteRefused(method, -1)
                // If every row of a staged page fits, the table is widened and the next page may use COPY.
                case .staged where page?.quarantined == 0 && page?.nulledCells == 0:
                    history.noteRefused(.tolerant, -1)
                    history.noteRefused(.direct, -1)
                case .staged: break
                }
                return try await report(page, history)
            } catch {
                if method != .staged, PageLoader.isRefusal(error) {
                    logger.debug("page refused, staging it", metadata: ["error": "\(error)"])
                    history.noteRefused(method, 1)
                    let next = loader.method(afterRefusalOf: method, error)
                    if method == .direct, next == .staged { history.noteRefused(.tolerant, 1) }
                    method = next
                    continue
                }
                guard attempt < ReplicationLimits.pageAttempts, PageLoader.isTransient(error) else {
                    throw error
                }
                logger.debug("page failed, trying again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: backoff.next())
                attempt += 1
            }
        }
    }

    private func loadOnce(
        _ locator: String, maximumRows: Int?, _ method: PageCopy.Method
    ) async throws -> LoadedPage? {
        try await gate.withPermit(of: "\(importID)") {
            try await bulk.results(
                of: jobID, locator: locator.isEmpty ? nil : locator, maximumRows: maximumRows,
                compression: settings.compression
            ) { results in
                try await loader.load(
                    locator, next: results.locator, rows: results.rows, method: method
                ) { try await results.next() }
            }
        }
    }

    private func report(_ page: LoadedPage?, _ history: History) async throws {
        let progress = try await loader.pool.withCellConnection {
            try await ImportStore().progress(of: importID, on: $0)
        }
        try await job.report(progress: progress)
        try await notices.noteQuarantined(progress)
        if let page, page.nulledCells > 0, history.isNulledPageNoticed() {
            try await notices.noteAdjustments(loader.record)
        }
        try settings.quarantineLimit.check(progress, of: loader.mapping.objectName)
    }
}

/// The locators that Salesforce has named. A repeated one would load pages twice, or forever.
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
