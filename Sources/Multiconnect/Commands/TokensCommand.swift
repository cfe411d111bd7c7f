import ArgumentParser
import Cryptography
import Encoding
import FoundationEssentials
import Organizations
import TenantAdmin

extension APIToken.Scope: ExpressibleByArgument {}

/// `multiconnect tokens`
struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "Tokens of programs that call the API.",
        discussion: "A token is shown once, when it is created. Only its hash is stored.",
        subcommands: [TokensCreateCommand.self, TokensListCommand.self, TokensRevokeCommand.self])
}

/// `multiconnect tokens create`
struct TokensCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a token and prints it.",
        discussion: """
            Exit status: 0 done; 64 wrong arguments; 66 no such tenant; 69 the database does not answer.
            """)

    @Argument(help: "A name for lists and the activity, for example `terraform`.") var name: String
    @Option(help: "read, or write for changes too.") var scope = APIToken.Scope.read
    @Option(
        help: "The org id of a tenant that it opens; may be repeated. Default: all tenants, later ones too.")
    var organization: [String] = []
    @Option(help: "Days until it expires. Default: never.") var days: Int?
    @Flag(help: "Prints JSON.") var json = false
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard APIToken.nameLength.contains(name.unicodeScalars.count) else {
            throw ValidationError("the name must have 1 to 100 characters")
        }
        guard APIToken.lifetime.contains(days ?? 1) else {
            throw ValidationError("--days must be 1 to 3650")
        }
    }

    func run() async throws {
        try await JobsSession.open("tokens") { [self] session in
            var ids: [UUID] = []
            for text in organization { ids.append(try await session.organization(text).id) }
            let (token, text) = try await session.tenants.addToken(
                name, scope: scope, organizations: ids.isEmpty ? nil : ids,
                expiresAt: days.map { Date().addingTimeInterval(Double($0) * 24 * 60 * 60) }, by: actor.name)
            guard let shown = text.revealText() else { return }
            guard json else { return print(shown) }
            print(TokensText.document(token, [("token", .string(shown))]).text)
        }
    }
}

/// `multiconnect tokens list`
struct TokensListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists tokens, also expired and revoked ones.",
        discussion: "Exit status: 0 done; 69 the database does not answer.")

    @Flag(help: "Prints JSON.") var json = false

    func run() async throws {
        try await JobsSession.open("tokens") { [self] session in
            let tokens = try await session.tenants.tokens()
            guard !json else {
                return print(JSONText.array(tokens.map { TokensText.document($0) }).text)
            }
            print(TokensText.table(tokens, now: Date()))
        }
    }
}

/// `multiconnect tokens revoke`
struct TokensRevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Ends tokens at once.",
        discussion: "Exit status: 0 done; 66 no such valid token; 69 the database does not answer.")

    @Argument(help: "The name or the id. All tokens with this name are revoked.") var token: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("tokens") { [self] session in
            let count = try await session.tenants.revokeTokens(token, by: actor.name)
            guard count > 0 else {
                throw CommandFailure("there is no valid token \(token)", code: CommandFailure.noInput)
            }
            print("\(token): \(count) \(count == 1 ? "token" : "tokens") revoked")
        }
    }
}

/// The texts about tokens.
private enum TokensText {
    static func table(_ tokens: [APIToken], now: Date) -> String {
        TextTable.text(
            ["NAME", "ID", "SCOPE", "TENANTS", "STATE", "CREATED", "LAST USE"],
            tokens.map { token in
                [
                    token.name, token.id.uuidString.lowercased(), token.scope.rawValue,
                    token.organizations.map { String($0.count) } ?? "all", state(token, now),
                    time(token.createdAt), token.lastUsedAt.map(time) ?? "never",
                ]
            })
    }

    private static func state(_ token: APIToken, _ now: Date) -> String {
        if token.revokedAt != nil { return "revoked" }
        guard let expiry = token.expiresAt else { return "valid" }
        return now < expiry ? "valid until \(time(expiry))" : "expired"
    }

    static func document(_ token: APIToken, _ more: [(String, JSONText)] = []) -> JSONText {
        .object(
            more + [
                ("id", .string(token.id.uuidString.lowercased())), ("name", .string(token.name)),
                ("scope", .string(token.scope.rawValue)),
                (
                    "organizations",
                    token.organizations.map { ids in
                        .array(ids.map { $0.uuidString.lowercased() }.sorted().map(JSONText.string))
                    } ?? .null
                ),
                ("created_by", .string(token.createdBy)), ("created_at", .string(time(token.createdAt))),
                ("expires_at", .optional(token.expiresAt.map(time))),
                ("last_used_at", .optional(token.lastUsedAt.map(time))),
                ("revoked_at", .optional(token.revokedAt.map(time))),
            ])
    }

    private static func time(_ date: Date) -> String {
        ISO8601.text(instant: Int(date.timeIntervalSince1970) * 1000, zone: "Z")
    }
}
