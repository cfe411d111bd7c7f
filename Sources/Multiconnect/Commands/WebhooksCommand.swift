import ArgumentParser
import Encoding
import Feeds
import FoundationEssentials
import Organizations
import Postgres

/// `multiconnect webhooks`
struct WebhooksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhooks",
        abstract: "Adds, lists and removes receivers of events, and shows their deliveries.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 65 the name is in use, or the URL is not allowed; 66 no \
            such webhook or tenant; 69 a database does not answer; 1 any other failure.
            """,
        subcommands: [
            WebhooksAddCommand.self, WebhooksListCommand.self, WebhooksRemoveCommand.self,
            WebhooksDeliveriesCommand.self, WebhooksRetryCommand.self,
        ], defaultSubcommand: WebhooksListCommand.self)
}

extension CommandFailure {
    /// The failure of a command about the feed.
    init(_ error: FeedsError) {
        let code: Int32 =
            switch error.code {
            case .exists, .invalid: Self.dataError
            case .unknownWebhook: Self.noInput
            case .malformedRow, .claimLost: 1
            }
        self.init(error.description, code: code)
    }
}

extension FeedFilter.Group: ExpressibleByArgument {}
extension Delivery.State: ExpressibleByArgument {}

extension JobsSession {
    /// Runs `body` with one pool per cell.
    func withCells<Value>(
        _ body: ([String: PostgresPool]) async throws -> Value
    ) async throws -> Value {
        let cells = try Dictionary(
            uniqueKeysWithValues: launch.configuration.cellNames.map {
                ($0, PostgresPool(configuration: try launch.database(named: $0), maximum: 1))
            })
        defer { for pool in cells.values { pool.close() } }
        do {
            return try await body(cells)
        } catch let error as FeedsError {
            throw CommandFailure(error)
        }
    }
}

/// `multiconnect webhooks add`
struct WebhooksAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Adds a receiver of events. Prints its secret and its token, which are not shown again.",
        discussion: """
            The receiver gets the events from now on. Without --url they are read as a stream: \
            GET /feed/events with the token. The URL must be https and have a public address, unless \
            WEBHOOK_PRIVATE_ADDRESSES is set.
            """)

    @Argument(help: "A name: letters a-z, digits, - and _.") var name: String
    @Option(help: "Where events are sent to.") var url: String?
    @Option(help: "Only this tenant: an org id or a tenant's UUID. The default is all tenants.")
    var tenant: String?
    @Option(help: "The events: \(FeedFilter.Group.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: [FeedFilter.Group] = FeedFilter.Group.allCases
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("webhooks") { [self] session in
            var organization: UUID?
            if let tenant { organization = try await session.organization(tenant).id }
            let configuration = session.launch.configuration
            let filter = FeedFilter(groups: Set(kind), organization: organization)
            let added = try await session.withCells { cells in
                try await WebhookBook(control: session.pool).add(
                    name, url: url, filter, keys: configuration.keyRing,
                    allowsPrivate: configuration.allowsPrivateWebhooks, cells: cells, by: actor.name)
            }
            if let secret = added.secret { print("secret \(secret)") }
            print("token  \(added.token)")
        }
    }
}

/// `multiconnect webhooks list`
struct WebhooksListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the receivers of events with their deliveries.")

    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("webhooks") { [self] session in
            let listed = try await WebhookBook(control: session.pool).list()
            guard !json else {
                return print(JSONText.array(listed.map(Self.document)).text)
            }
            let header = ["NAME", "HOST", "TENANT", "KINDS", "WAITING", "DEAD"]
            let rows = listed.map { each in
                [
                    each.webhook.name, each.webhook.host ?? "(stream)",
                    each.webhook.filter.organization?.uuidString.lowercased() ?? "all",
                    each.webhook.filter.groups.map(\.rawValue).sorted().joined(separator: ","),
                    String(each.deliveries[.waiting] ?? 0), String(each.deliveries[.dead] ?? 0),
                ]
            }
            print(TextTable.text(header, rows))
        }
    }

    private static func document(_ listed: WebhookBook.Listed) -> JSONText {
        .object([
            ("name", .string(listed.webhook.name)), ("host", .optional(listed.webhook.host)),
            ("tenant", .optional(listed.webhook.filter.organization?.uuidString.lowercased())),
            ("kinds", .array(listed.webhook.filter.groups.map(\.rawValue).sorted().map(JSONText.string))),
            ("waiting", .number(listed.deliveries[.waiting] ?? 0)),
            ("delivered", .number(listed.deliveries[.delivered] ?? 0)),
            ("dead", .number(listed.deliveries[.dead] ?? 0)),
        ])
    }
}

/// `multiconnect webhooks remove`
struct WebhooksRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a receiver with its deliveries. Its token ends.")

    @Argument(help: "The webhook's name.") var name: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("webhooks") { [self] session in
            try await session.withCells { cells in
                try await WebhookBook(control: session.pool).remove(name, cells: cells, by: actor.name)
            }
            print("\(name) is removed")
        }
    }
}

/// `multiconnect webhooks deliveries`
struct WebhooksDeliveriesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deliveries", abstract: "Lists the newest deliveries of a webhook, or of all.")

    @Argument(help: "The webhook's name.") var name: String?
    @Option(help: "Only deliveries that are waiting, delivered or dead.") var state: Delivery.State?
    @Option(help: "The number of lines.") var limit = 100

    func run() async throws {
        try await JobsSession.open("webhooks") { [self] session in
            let found: [Delivery]
            do {
                found = try await WebhookBook(control: session.pool).deliveries(name, state, limit: limit)
            } catch let error as FeedsError {
                throw CommandFailure(error)
            }
            let header = ["ID", "WEBHOOK", "STATE", "EVENTS", "ATTEMPTS", "STATUS", "ERROR"]
            let rows = found.map { each in
                [
                    each.id.uuidString.lowercased(), each.webhook, each.state.rawValue, String(each.events),
                    String(each.attempts), each.status.map(String.init) ?? "-", each.error ?? "",
                ]
            }
            print(TextTable.text(header, rows))
        }
    }
}

/// `multiconnect webhooks retry`
struct WebhooksRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Sends dead deliveries again, and waiting ones at once.")

    @Argument(help: "The webhook's name.") var name: String
    @Argument(help: "Ids of deliveries. The default is all of the webhook.") var ids: [String] = []
    @OptionGroup var actor: ActorOption

    func validate() throws {
        if let wrong = ids.first(where: { UUID(uuidString: $0) == nil }) {
            throw ValidationError("\(wrong.debugDescription) is no id of a delivery")
        }
    }

    func run() async throws {
        try await JobsSession.open("webhooks") { [self] session in
            let chosen = ids.compactMap { UUID(uuidString: $0) }
            do {
                let count = try await WebhookBook(control: session.pool).retry(
                    name, ids.isEmpty ? nil : chosen, by: actor.name)
                print("\(count) deliveries are sent again")
            } catch let error as FeedsError {
                throw CommandFailure(error)
            }
        }
    }
}
