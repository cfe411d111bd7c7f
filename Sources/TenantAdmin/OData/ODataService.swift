package import Cryptography
import Encoding
package import FoundationEssentials

/// A service for external objects: tables of one tenant for one audience, at a URL with credentials of its
/// own.
package struct ODataService: Sendable, Equatable {
    package let id: Int
    package let organization: UUID
    package let schema: String
    package let cell: String
    /// The operator's name for the readers, as `sales` or `partners`.
    package let audience: String
    /// In the service's URL: 32 hex digits.
    package let slug: String
    /// Takes the schema's place in the names of entity sets.
    package let alias: String
    package let isEnabled: Bool
    /// Requests per hour, of all processes.
    package let hourlyRequests: Int
    /// The longest statement of a request.
    package let statementTime: Duration
    /// Requests since `hour`.
    package let usedRequests: Int
    /// The hour of `usedRequests`.
    package let hour: Date
    package let createdBy: String
    package let createdAt: Date
    package var selections: [Selection] = []
    /// Valid ones, the newest first.
    package var credentials: [Credential] = []

    /// A table or view that an operator chose.
    package struct Selection: Sendable, Equatable {
        package let table: String
        /// Nil: all columns except Multiconnect's own.
        package let columns: [String]?
        package let isWritable: Bool

        package init(table: String, columns: [String]?, isWritable: Bool) {
            self.table = table
            self.columns = columns
            self.isWritable = isWritable
        }
    }

    /// A user name with the hash of its password.
    package struct Credential: Sendable, Equatable {
        package let user: String
        package let hash: [UInt8]
        package let createdAt: Date
        /// Nil: it is valid until the next rotation.
        package let expiresAt: Date?
    }

    /// A user name and password. They are shown once: the password is not stored.
    package struct NewCredential: Sendable {
        package let user: String
        package let password: Secret
    }

    /// The settings that an operator chooses.
    package struct Settings: Sendable, Equatable {
        package var alias = "salesforce"
        package var hourlyRequests = 20_000
        package var statementSeconds = 30

        package init() {}

        /// The first wrong value, in words.
        package var problem: String? {
            if !ODataService.isName(alias, maximum: 30) {
                return "the alias must have 1 to 30 letters, digits and _, the first one no digit"
            }
            if !(1...100_000_000).contains(hourlyRequests) {
                return "the requests per hour must be 1 to 100000000"
            }
            return (1...110).contains(statementSeconds)
                ? nil : "the seconds of a statement must be 1 to 110: Salesforce waits 120 s"
        }
    }

    /// How long credentials are valid after a rotation. Source: Heroku External Objects.
    package static let overlap: Double = 10 * 60
    private static let secretBytes = 16

    /// Whether the text is a name of OData: letters, digits and `_`, the first one no digit.
    package static func isName(_ text: String, maximum: Int = 63) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= maximum else { return false }
        let isDigit = { (byte: UInt8) in byte >= 0x30 && byte <= 0x39 }
        return !isDigit(first)
            && text.utf8.allSatisfy { byte in
                isDigit(byte) || byte == 0x5F || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
            }
    }

    /// Whether the text may name an audience.
    package static func isAudience(_ text: String) -> Bool {
        text.wholeMatch(of: /[a-z][a-z0-9_\-]{0,49}/) != nil
    }

    static func makeSlug() throws -> String { Hex.encode(try randomBytes(secretBytes)) }

    static func makeCredential() throws -> NewCredential {
        NewCredential(
            user: Hex.encode(try randomBytes(secretBytes)),
            password: Secret(text: Hex.encode(try randomBytes(secretBytes))))
    }

    /// The stored form of a password.
    package static func hash(of password: String) -> [UInt8] { Digest.sha256(password) }
}
