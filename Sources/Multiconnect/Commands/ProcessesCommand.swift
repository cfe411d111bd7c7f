import ArgumentParser
import Feeds
import Organizations
import Postgres
import Processes

/// `multiconnect processes`
struct ProcessesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "processes",
        abstract: "Sets the URLs of external processes, which Apex calls at /processes/NAME.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 65 the URL or the name is not allowed; 66 no such \
            process; 69 a database does not answer.
            """,
        subcommands: [ProcessesSetCommand.self, ProcessesListCommand.self, ProcessesRemoveCommand.self],
        defaultSubcommand: ProcessesListCommand.self)
}

/// `multiconnect processes set`
struct ProcessesSetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Sets the URL that carries out a process. Prints its new secret, which is not shown again.")

    @Argument(help: "The process: letters a-z, digits and _.") var name: String
    @Argument(help: "The URL: https, unless WEBHOOK_PRIVATE_ADDRESSES is set.") var url: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("processes") { [self] session in
            let configuration = session.launch.configuration
            do {
                let secret = try await ProcessBook(control: session.pool, queue: session.queue).set(
                    name, url: url, keys: configuration.keyRing,
                    allowsPrivate: configuration.allowsPrivateWebhooks, by: actor.name)
                print("secret \(secret)")
            } catch let error as FeedsError {
                throw CommandFailure(error)
            }
        }
    }
}

/// `multiconnect processes list`
struct ProcessesListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the processes.")

    func run() async throws {
        try await JobsSession.open("processes") { session in
            let rows = try await ProcessBook(control: session.pool, queue: session.queue).list()
                .map { [$0.name, $0.host ?? "(built in)"] }
            print(TextTable.text(["NAME", "HOST"], rows))
        }
    }
}

/// `multiconnect processes remove`
struct ProcessesRemoveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Removes a process. Open runs of it fail.")

    @Argument(help: "The process.") var name: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("processes") { [self] session in
            let book = ProcessBook(control: session.pool, queue: session.queue)
            guard try await book.remove(name, by: actor.name) else {
                throw CommandFailure("there is no process \(name)", code: CommandFailure.noInput)
            }
            print("\(name) is removed")
        }
    }
}
