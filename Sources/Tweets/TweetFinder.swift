package import FoundationEssentials
package import Jobs
internal import Logging
internal import Organizations
package import Postgres
internal import Replication

/// The example of the package: finds popular posts about a tenant's accounts, and writes them to its
/// `Tweet__c`, from where they reach the org.
package struct TweetFinder: Sendable {
    /// The class of a tenant's job.
    package static let className = "FindTweets"
    /// The class of the periodic job, which enqueues the tenants' jobs.
    package static let scheduleName = "ScheduleTweets"
    package static let schedule = "43 * * * *"

    private let control: PostgresPool
    private let cells: [String: PostgresPool]
    private let queue: JobQueue
    private let search: TweetSearch?

    /// - Parameter search: nil: nothing is searched.
    package init(
        control: PostgresPool, cells: [String: PostgresPool], queue: JobQueue, search: TweetSearch?
    ) {
        self.control = control
        self.cells = cells
        self.queue = queue
        self.search = search
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.scheduleName, timeout: TweetLimits.timeout, maximumAttempts: 2) { _ in
            if search != nil { try await enqueueAll() }
            return .done
        }
        registry.register(
            Self.className, timeout: TweetLimits.timeout, maximumAttempts: TweetLimits.attempts
        ) { context in
            guard let id = UUID(uuidString: try context.argument(0, as: String.self)) else { return .done }
            do {
                let changed = try await run(id) { try context.checkClaim() }
                context.logger.debug("found tweets", metadata: ["rows": "\(changed)"])
            } catch let error as TweetsError where error.code == .notMapped {
                context.logger.debug("no table for tweets", metadata: ["reason": "\(error)"])
            }
            return .done
        }
    }

    /// The tenants that may have the tables.
    package func tenants() async throws -> [UUID] {
        try await control.withConnection {
            try await TweetStore().tenants(limit: TweetLimits.tenants, on: $0)
        }
    }

    private func enqueueAll() async throws {
        let jobs = try await control.transaction { connection in
            var jobs: [EnqueuedJob] = []
            for id in try await TweetStore().tenants(limit: TweetLimits.tenants, on: connection) {
                let text = id.uuidString.lowercased()
                let job = NewJob(
                    Self.className, arguments: [text], organizationID: id, uniqueKey: "tweets:\(text)")
                jobs.append(try await queue.enqueue(job, on: connection))
            }
            return jobs
        }
        await queue.push(jobs)
    }

    /// Searches for posts about some accounts of a tenant, and stores them. Returns the number of changed
    /// rows. Throws `TweetsError`.
    ///
    /// - Parameter check: ends the run by throwing.
    package func run(_ id: UUID, _ check: () throws -> Void = {}) async throws -> Int {
        guard let search else { throw TweetsError(.refused, "X_BEARER_TOKEN is not set") }
        let (organization, mappings) = try await control.withConnection { connection in
            let organization = try await OrganizationStore(on: connection).get(id: id)
            return (
                organization,
                try await MappingStore().mappings(of: organization.connectionID, on: connection)
            )
        }
        let missing = TweetsError(
            .notMapped, "\(organization.organizationID) does not sync Account and write Tweet__c")
        guard organization.status == .live, let cell = cells[organization.cell] else { throw missing }
        let store = TweetStore()
        let found = try await cell.withConnection { connection -> (TweetTable, [TweetStore.Account])? in
            guard let table = try await store.table(of: organization, mappings, on: connection) else {
                return nil
            }
            return (table, try await store.accounts(table, on: connection))
        }
        guard let (table, accounts) = found else { throw missing }
        var changed = 0
        for account in accounts {
            let posts = try await search.popular(account.name)
            try check()
            guard !posts.isEmpty else { continue }
            changed += try await cell.transaction {
                try await store.store(posts, about: account, in: table, on: $0)
            }
        }
        return changed
    }
}
