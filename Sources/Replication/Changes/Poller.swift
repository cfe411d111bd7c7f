internal import Encoding
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import Synchronization
internal import TenantSchema

/// Reads the changed records of one mapping since its time mark, and merges them.
struct Poller: Sendable {
    let services: ReplicationServices
    let rest: @Sendable (CallPurpose) -> RESTClient
    let cell: PostgresPool
    let fence: WriteFence
    let pace: SyncPace

    /// The result of a poll.
    struct Result: Sendable, Equatable {
        var counts = RowMerger.Counts()
        /// Records that the query returned, those of the overlap included.
        var found = 0
        /// The newest change that was found, if the query was read page by page.
        var newest: Date?
    }

    /// One poll while it runs.
    private struct Pass {
        var rule: PollRule
        var rest: RESTClient
        var mark: Date
        var read: RunningReadStore.Read
        /// Salesforce's clock when the first query was answered, and how long that took.
        var answeredAt: Date?
        var took: Duration = .zero
        var result = Result()
        /// True once the mapping's state shows the poll.
        var isShown = false

        var table: SyncedTable { rule.table }
        var pageRead: PageMerger.Read {
            PageMerger.Read(id: read.id, startedAt: read.startedAt, sources: rule.sources)
        }
    }

    /// Polls once. The time mark moves only after the last page, so that a failed poll is repeated as a
    /// whole.
    ///
    /// - Parameter covers: called at the end. False leaves the mapping due.
    @discardableResult
    func poll(_ table: SyncedTable, covers: () -> Bool = { true }) async throws -> Result {
        let (mark, read) = try await cell.withCellConnection { connection in
            guard let mark = try await ChangeStore().timeMark(of: table.mapping.id, on: connection) else {
                throw ReplicationError(.notFound, "\(table.plan.objectName) has no time mark")
            }
            return (mark, try await RunningReadStore().begin(table.mapping.id, on: connection))
        }
        var pass = Pass(
            rule: PollRule(table: table),
            rest: rest(CallPurpose(.poll, table.plan.objectName)),
            mark: mark, read: read)
        do {
            try await run(&pass, covers)
        } catch {
            await end(pass)
            throw error
        }
        return pass.result
    }

    private func run(_ pass: inout Pass, _ covers: () -> Bool) async throws {
        try await readChanged(&pass)
        if pass.table.plan.filter != nil { try await findUnmatched(&pass) }
        let mark = PollRule.mark(
            previous: pass.mark, answeredAt: pass.answeredAt, took: pass.took, newest: pass.result.newest)
        let (mapping, readID) = (pass.table.mapping.id, pass.read.id)
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await fence(connection)
            try await ChangeStore().polled(mapping, mark: mark, isCovered: covers(), on: connection)
            try await RunningReadStore().end(readID, on: connection)
        }
        if pass.isShown { await show(.dataSynced, pass.table) }
    }

    /// Ends a failed poll. A read that stays would only delay the pruning of recent changes.
    private func end(_ pass: Pass) async {
        await withCancellationShield(on: EventLoop.current) { [cell] in
            try? await cell.withConnection(deadline: .now + .seconds(2)) {
                try await RunningReadStore().end(pass.read.id, on: $0)
            }
        }
        if pass.isShown, !Task.isCancelled { await show(.dataSynced, pass.table) }
    }

    private func readChanged(_ pass: inout Pass) async throws {
        let query = try pass.rule.changed(since: pass.mark, late: pace.lateWindow)
        guard RESTClient.canQuery(query) else {
            let count = try await timed(&pass) { pass in
                try await pass.rest.query(
                    pass.rule.changed(since: pass.mark, late: pace.lateWindow, .count), isAll: pass.rule.isAll
                )
            }
            if count.totalSize > 0 { try await readByBulk(&pass) }
            pass.result.found = count.totalSize
            return
        }
        let first = try await timed(&pass) { try await $0.rest.query(query, isAll: $0.rule.isAll) }
        pass.result.found = first.totalSize
        if first.totalSize > pace.bulkThreshold {
            do {
                return try await readByBulk(&pass)
            } catch let error as SalesforceError where error.code == .notSupportedByBulk {
                services.logger.debug("bulk poll refused, reading pages", metadata: ["error": "\(error)"])
            }
        }
        try await merge(first, &pass)
    }

    private func timed(
        _ pass: inout Pass, _ query: (Pass) async throws -> QueryPage
    ) async throws -> QueryPage {
        let start = ContinuousClock.now
        let page = try await query(pass)
        pass.took = .now - start
        pass.answeredAt = page.answeredAt
        return page
    }

    private func merge(_ first: QueryPage, _ pass: inout Pass) async throws {
        var page = first
        let merger = PageMerger(pass.table, pool: cell)
        var isFirst = true
        while true {
            if !page.records.isEmpty, isFirst || !PlantedFault.droppedPage.isPlanted {
                var rows = RESTRows(sources: pass.rule.sources)
                var bytes = rows.header
                for record in page.records { bytes += try rows.line(record) }
                let counts = try await merger.merge(pass.pageRead, page: bytes, fence: fence)
                pass.result.counts.add(counts)
                noteNewest(page, &pass)
            }
            guard let next = page.next else { return }
            try await showRunning(.pollingChanges, &pass)
            page = try await pass.rest.page(after: next)
            isFirst = false
        }
    }

    /// Rows are sorted by their time of change.
    private func noteNewest(_ page: QueryPage, _ pass: inout Pass) {
        guard let cursor = pass.rule.cursor,
            let newest = page.records.last?[cursor]?.string.flatMap(Timestamp.date)
        else { return }
        pass.result.newest = max(pass.result.newest ?? newest, newest)
    }

    /// Records that left the filter are not in the filtered rows: finds them by their ids, and reads them
    /// again.
    private func findUnmatched(_ pass: inout Pass) async throws {
        let query = try pass.rule.changed(since: pass.mark, late: pace.lateWindow, .unfilteredIDs)
        let (table, column) = (pass.table, pass.rule.cursorColumn)
        let cursor = pass.rule.cursor ?? "SystemModstamp"
        var page = try await pass.rest.query(query, isAll: pass.rule.isAll)
        while true {
            let ids = page.records.compactMap { $0["Id"]?.string }
            let stamps = page.records.map { $0[cursor]?.string.flatMap(Timestamp.date) }
            guard ids.count == stamps.count else {
                throw ReplicationError(.malformedResponse, "a row has no Id")
            }
            if !ids.isEmpty {
                try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
                    try await fence(connection)
                    let left = try await ChangeStore().unmatched(
                        ids, stamps, in: table, cursorColumn: column, on: connection)
                    try await RereadStore().add(left, of: table.mapping, because: .filter, on: connection)
                }
            }
            guard let next = page.next else { return }
            page = try await pass.rest.page(after: next)
        }
    }

    private func showRunning(_ state: Mapping.State, _ pass: inout Pass) async throws {
        if !pass.isShown {
            pass.isShown = true
            await show(state, pass.table)
        }
        try await renew(pass)
    }

    private func renew(_ pass: Pass) async throws {
        let read = pass.read.id
        guard try await cell.withCellConnection({ try await RunningReadStore().renew(read, on: $0) }) else {
            throw ReplicationError(.incompletePage, "the running read of the poll is lost")
        }
    }

    /// A short poll does not change the state: two writes for each poll of each mapping would be most of
    /// the control database's work.
    private func show(_ state: Mapping.State, _ table: SyncedTable) async {
        do {
            try await services.control.withConnection {
                try await PollStateStore().show(state, of: table.mapping.id, on: $0)
            }
        } catch {
            services.logger.debug("could not show state of mapping", metadata: ["error": "\(error)"])
        }
    }
}

// Many changed records.
extension Poller {
    private func readByBulk(_ pass: inout Pass) async throws {
        let query = try pass.rule.changed(since: pass.mark, late: pace.lateWindow, .bulk)
        let bulk = BulkQuery(pass.rest)
        let job = try await bulk.create(query, isAll: pass.rule.isAll)
        do {
            try await showRunning(.pollingBulk, &pass)
            try await wait(for: job, bulk, pass)
            try await loadPages(of: job.id, bulk, &pass)
        } catch {
            await delete(job.id, bulk)
            throw error
        }
        await delete(job.id, bulk)
    }

    private func wait(for created: BulkJob, _ bulk: BulkQuery, _ pass: Pass) async throws {
        var pause = pace.bulkCheck
        let deadline = ContinuousClock.now + ReplicationLimits.bulkPollDeadline
        var job = created
        while !job.state.isFinal {
            guard .now < deadline else {
                try await bulk.abort(job.id)
                throw ReplicationError(.bulkJobLost, "Bulk job \(job.id) did not end in time")
            }
            try await EventLoop.current.sleep(for: pause)
            pause = min(pause * 3 / 2, pace.longestBulkCheck)
            job = try await bulk.job(job.id)
            // Changes that are applied meanwhile are remembered while the read runs.
            if pause == pace.longestBulkCheck { try await renew(pass) }
        }
        try job.checkSucceeded()
    }

    /// Loads the pages. The next page arrives while one is merged.
    private func loadPages(of job: SalesforceID, _ bulk: BulkQuery, _ pass: inout Pass) async throws {
        let read = pass.pageRead
        let merger = PageMerger(pass.table, pool: cell)
        var seen = SeenLocators()
        try await withThrowingTaskGroup(of: RowMerger.Counts.self) { group in
            var running = 0
            var page: PageHead? = PageHead(locator: nil)
            while let current = page {
                if running == ReplicationLimits.pollPages, let counts = try await group.next() {
                    pass.result.counts.add(counts)
                    running -= 1
                    try await showRunning(.pollingBulk, &pass)
                }
                group.addTask { try await load(current, of: job, bulk, merger, read) }
                running += 1
                page = try await current.next().map(PageHead.init(locator:))
                if let locator = page?.locator { try seen.note(locator) }
            }
            for try await counts in group {
                pass.result.counts.add(counts)
                try await showRunning(.pollingBulk, &pass)
            }
        }
    }

    private func load(
        _ page: PageHead, of job: SalesforceID, _ bulk: BulkQuery, _ merger: PageMerger,
        _ read: PageMerger.Read
    ) async throws -> RowMerger.Counts {
        // A page that fails ends the wait for its head.
        defer { page.end() }
        return try await withPageRetries { staging in
            try await bulk.results(
                of: job, locator: page.locator, maximumRows: services.settings.bulkPageRows,
                compression: services.settings.compression
            ) { results in
                page.arrive(next: results.locator)
                return try await merger.merge(read, rows: results.rows, staging: staging, fence: fence) {
                    try await results.next()
                }
            }
        }
    }

    /// A page whose head names the next page.
    private final class PageHead: Sendable {
        let locator: String?
        private let following = Mutex<String?>(nil)
        private let hasEnded = Event()

        init(locator: String?) {
            self.locator = locator
        }

        func arrive(next: String?) {
            following.withLock { $0 = next }
            end()
        }

        func end() { hasEnded.set() }

        /// The next page's locator, as soon as the head has arrived. Nil also if the page failed before.
        func next() async throws -> String? {
            try await hasEnded.wait()
            return following.withLock(\.self)
        }
    }

    /// Reads a page again after errors that pass, and with repairs if its values are refused: merging it
    /// twice does no harm.
    private func withPageRetries<Value>(
        _ body: (PageMerger.Staging) async throws -> Value
    ) async throws -> Value {
        var attempt = 1
        var staging = PageMerger.Staging.direct
        while true {
            do {
                return try await body(staging)
            } catch  where staging == .direct && PageMerger.isRefusal(error) {
                staging = .repaired
            } catch  where PageLoader.isTransient(error) && attempt < ReplicationLimits.pageAttempts {
                try await EventLoop.current.sleep(for: .seconds(1 << attempt))
                attempt += 1
            }
        }
    }

    /// Also after a cancellation: a job that stays counts against the org's storage for seven days.
    private func delete(_ job: SalesforceID, _ bulk: BulkQuery) async {
        await withCancellationShield(on: EventLoop.current) { [logger = services.logger] in
            do {
                try await withDeadline(
                    .now + ReplicationLimits.bulkDeletion, operation: "delete Bulk job"
                ) { try await bulk.delete(job) }
            } catch {
                logger.debug("could not delete bulk job", metadata: ["error": "\(error)"])
            }
        }
    }
}
