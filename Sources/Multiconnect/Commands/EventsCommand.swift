import ArgumentParser
import FoundationEssentials
import Organizations
import Postgres
import Replication

/// `multiconnect events`
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Publishes platform events, and subscribes tenants to channels of them.",
        discussion: """
            A worker does the work. Exit status: 0 done; 64 wrong arguments; 65 the tenant's schema does not \
            exist yet; 66 no such tenant or subscription; 69 a database does not answer; 1 any other failure.
            """,
        subcommands: [
            EventsPublishCommand.self, EventsSubscribeCommand.self, EventsUnsubscribeCommand.self,
            EventsListCommand.self,
        ])

    /// Runs `body` with a tenant and the book of its cell.
    static func open(
        _ organization: String,
        _ body: @escaping @concurrent @Sendable (JobsSession, EventBook, Organization) async throws -> Void
    ) async throws {
        try await JobsSession.open("events") { session in
            let tenant = try await session.organization(organization)
            try await session.withCells { cells in
                do {
                    try await body(session, EventBook(control: session.pool, cells: cells), tenant)
                } catch let refusal as EventBook.Refusal {
                    let isData = refusal == .noSchema
                    throw CommandFailure(refusal.rawValue, code: isData ? CommandFailure.dataError : 64)
                }
            }
        }
    }
}

/// A channel of platform events.
struct ChannelArgument: ParsableArguments {
    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "An event such as Order_Ready__e, or a custom channel such as /event/Orders__chn.")
    var channel: String

    func validate() throws {
        if EventChannel(channel) == nil { throw ValidationError(EventBook.Refusal.channel.rawValue) }
    }

    func parsed() throws -> EventChannel {
        guard let parsed = EventChannel(channel) else { throw EventBook.Refusal.channel }
        return parsed
    }
}

/// `multiconnect events publish`
struct EventsPublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Stores a platform event in the tenant's _platform_events. A worker publishes it.",
        discussion: "The event can be published twice if Salesforce does not answer: it offers no key.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The event's API name, such as Order_Ready__e.") var event: String
    @Argument(help: "The fields as a JSON object.") var payload: String

    func run() async throws {
        try await EventsCommand.open(organization) { [self] _, book, tenant in
            let id = try await book.publish(event, payload: Array(payload.utf8), to: tenant)
            print("event \(id) is queued")
        }
    }
}

/// `multiconnect events subscribe`
struct EventsSubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "subscribe",
        abstract: "Receives the events of a channel into the tenant's _platform_event_log.",
        discussion: """
            Delivered events count against the org's daily allowance, as change events do. A worker \
            subscribes; if the org has no such channel, `events list` shows its answer.
            """)

    @OptionGroup var target: ChannelArgument
    @Flag(help: "Also receives the events that the org retains, up to 72 hours.") var retained = false
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await EventsCommand.open(target.organization) { [self] _, book, tenant in
            let isNew = try await book.subscribe(
                try target.parsed(), includesRetained: retained, of: tenant, by: actor.name)
            print("\(target.channel) \(isNew ? "is subscribed" : "was already subscribed")")
        }
    }
}

/// `multiconnect events unsubscribe`
struct EventsUnsubscribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "unsubscribe", abstract: "Ends a subscription. Received events stay.")

    @OptionGroup var target: ChannelArgument
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await EventsCommand.open(target.organization) { [self] _, book, tenant in
            guard try await book.unsubscribe(try target.parsed(), of: tenant, by: actor.name) else {
                throw CommandFailure(
                    "\(target.channel) is not subscribed", code: CommandFailure.noInput)
            }
            print("\(target.channel) is not subscribed any more")
        }
    }
}

/// `multiconnect events list`
struct EventsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists a tenant's subscriptions of platform events.")

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String

    func run() async throws {
        try await EventsCommand.open(organization) { _, book, tenant in
            let rows = try await book.subscriptions(of: tenant).map { each in
                [
                    each.channel, each.replayID.map(String.init) ?? "-", each.since == nil ? "all" : "new",
                    JobsText.plain(each.refusal ?? "-"),
                ]
            }
            print(TextTable.text(["CHANNEL", "LAST REPLAY ID", "EVENTS", "PROBLEM"], rows))
        }
    }
}
