import Cryptography
import Encoding
package import FoundationEssentials

/// A query on a tenant's schema that an operator shares by links.
package struct SharedQuery: Sendable, Equatable {
    /// The settings that an operator chooses.
    package struct Settings: Sendable, Equatable {
        package var name = ""
        /// SQL of one statement that reads.
        package var statement = ""
        package var seconds = 30
        package var rows = 10_000
        /// A result is shown again for this time.
        package var refreshSeconds = 300

        package init() {}

        /// The first wrong value, in words.
        package var problem: String? {
            if !(1...100).contains(name.unicodeScalars.count) {
                return "the name must have 1 to 100 characters"
            }
            if !(1...100_000).contains(statement.unicodeScalars.count) || statement.utf8.contains(0) {
                return "the query must have 1 to 100000 characters"
            }
            if !(1...300).contains(seconds) { return "the seconds must be 1 to 300" }
            if !(1...100_000).contains(rows) { return "the rows must be 1 to 100000" }
            return (0...604_800).contains(refreshSeconds)
                ? nil : "the seconds until a new run must be 0 to 604800"
        }
    }

    /// A link with which strangers see the result.
    package struct Link: Sendable, Equatable {
        package let id: UUID
        package let name: String
        package let createdBy: String
        package let createdAt: Date
        /// Nil: it does not expire.
        package let expiresAt: Date?
        package let lastUsedAt: Date?
        package let revokedAt: Date?

        package func isValid(at now: Date) -> Bool {
            revokedAt == nil && expiresAt.map { now < $0 } != false
        }

        package static let prefix = "mcq_"
        private static let secretBytes = 32

        static func make() throws -> (text: Secret, hash: [UInt8]) {
            let text = prefix + Base64.encode(try randomBytes(secretBytes), .url)
            return (Secret(text: text), Digest.sha256(text))
        }

        /// The hash that is stored. Nil for a text that is no token of a link.
        package static func hash(of text: String) -> [UInt8]? {
            guard text.hasPrefix(prefix), text.utf8.count <= 100 else { return nil }
            return Digest.sha256(text)
        }
    }

    /// A former or the present text of the query.
    package struct Version: Sendable, Equatable {
        package let number: Int
        package let statement: String
        package let createdBy: String
        package let createdAt: Date
    }

    package let id: UUID
    package let organization: UUID
    package let settings: Settings
    package let version: Int
    package let createdBy: String
    package let createdAt: Date
    /// The last result, also of a former version.
    package let result: SharedQueryResult?
}

/// The rows of a query.
package struct SharedQueryResult: Sendable, Equatable {
    package let columns: [String]
    /// Postgres's texts; nil is NULL.
    package let rows: [[String?]]
    /// Whether the query has more rows than are shown.
    package let isCut: Bool
    package let at: Date
    /// Of the query.
    package let version: Int

    package init(columns: [String], rows: [[String?]], isCut: Bool, at: Date, version: Int) {
        self.columns = columns
        self.rows = rows
        self.isCut = isCut
        self.at = at
        self.version = version
    }

    /// Nil if the bytes are not those of `stored`.
    init?(stored: [UInt8], at: Date, version: Int) {
        guard let document = try? JSONValue(parsing: stored), let names = document["columns"]?.array,
            let rows = document["rows"]?.array, let isCut = document["cut"]?.bool
        else { return nil }
        self.init(
            columns: names.compactMap(\.string), rows: rows.map { ($0.array ?? []).map(\.string) },
            isCut: isCut, at: at, version: version)
    }

    var stored: [UInt8] {
        JSONText.object([
            ("columns", .array(columns.map(JSONText.string))),
            ("rows", .array(rows.map { .array($0.map(JSONText.optional)) })), ("cut", .bool(isCut)),
        ]).encoded
    }
}

/// Limits of shared queries.
package enum SharedQueryLimits {
    /// Bytes of a result.
    static let resultBytes = 4 * 1024 * 1024
    /// Rows of one fetch from the cursor.
    static let fetchedRows = 500
    /// How long it takes to log in.
    static let login = Duration.seconds(5)
    /// Records of views that strangers can cause, per hour and tenant.
    static let recordedViews = 60
    /// Queries of a tenant.
    package static let queries = 200
    /// Versions on a page.
    package static let versions = 20
}
