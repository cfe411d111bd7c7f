/// A SQLSTATE: the five-character code of an error, independent of the server's language. Source: PostgreSQL
/// 15 documentation, appendix A.
package struct SQLState: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }

    package init(stringLiteral value: String) {
        rawValue = value
    }

    /// The first two characters: "08" is the class of connection exceptions.
    package var classCode: Substring { rawValue.prefix(2) }

    package static let featureNotSupported: SQLState = "0A000"
    /// For tests.
    package static let characterNotInRepertoire: SQLState = "22021"
    package static let invalidTextRepresentation: SQLState = "22P02"
    package static let badCopyFileFormat: SQLState = "22P04"
    package static let uniqueViolation: SQLState = "23505"
    /// For tests.
    package static let checkViolation: SQLState = "23514"
    package static let readOnlyTransaction: SQLState = "25006"
    package static let dependentObjects: SQLState = "2BP01"
    package static let inFailedTransaction: SQLState = "25P02"
    package static let invalidStatementName: SQLState = "26000"
    package static let invalidAuthorization: SQLState = "28000"
    package static let invalidPassword: SQLState = "28P01"
    /// For tests.
    package static let unknownDatabase: SQLState = "3D000"
    package static let undefinedSchema: SQLState = "3F000"
    package static let serializationFailure: SQLState = "40001"
    package static let deadlockDetected: SQLState = "40P01"
    package static let insufficientPrivilege: SQLState = "42501"
    package static let duplicateColumn: SQLState = "42701"
    package static let undefinedColumn: SQLState = "42703"
    package static let undefinedFunction: SQLState = "42883"
    package static let undefinedTable: SQLState = "42P01"
    package static let duplicateTable: SQLState = "42P07"
    package static let lockNotAvailable: SQLState = "55P03"
    package static let queryCancelled: SQLState = "57014"
    package static let adminShutdown: SQLState = "57P01"
    package static let crashShutdown: SQLState = "57P02"
    package static let cannotConnectNow: SQLState = "57P03"
    package static let databaseDropped: SQLState = "57P04"
    package static let idleInTransactionTimeout: SQLState = "25P03"
    package static let idleSessionTimeout: SQLState = "57P05"
}

extension SQLState {
    /// The consequence of a refused statement for the connection and the transaction.
    private enum Consequence {
        /// The connection is unusable. On another one, the transaction may succeed.
        case reconnect
        /// The same transaction, run again from its start, may succeed.
        case retry
        /// The result is the same each time.
        case final
    }

    /// The one table of consequences: first single codes, then classes.
    private static let codes: [SQLState: Consequence] = [
        .serializationFailure: .retry, .deadlockDetected: .retry, .lockNotAvailable: .retry,
        .adminShutdown: .reconnect, .crashShutdown: .reconnect, .cannotConnectNow: .reconnect,
        .databaseDropped: .reconnect,
        .idleInTransactionTimeout: .reconnect, .idleSessionTimeout: .reconnect,
    ]
    private static let classes: [Substring: Consequence] = [
        // Connection exceptions; too few resources, as memory, disk or connections.
        "08": .reconnect, "53": .retry,
    ]

    private var consequence: Consequence { Self.codes[self] ?? Self.classes[classCode] ?? .final }

    /// The connection is unusable: the server has ended the session.
    package var endsSession: Bool { consequence == .reconnect }

    /// The same transaction may succeed if it is run again from its start.
    package var isTransient: Bool { consequence != .final }

    /// True if the server itself uses the code's class. Functions may raise any other code.
    package var isOfServer: Bool { Self.serverClasses.contains(classCode) }

    private static let serverClasses: Set<Substring> = [
        "00", "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "20", "21", "22", "23", "24",
        "25", "26", "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42", "44", "53",
        "54", "55", "57", "58", "72", "F0", "HV", "P0", "XX",
    ]

    /// The codes for refused credentials.
    package var isAuthentication: Bool {
        self == .invalidPassword || self == .invalidAuthorization
    }
}

extension SQLState {
    /// Whether the server's message contains only schema objects, settings and limits. Others quote values,
    /// above all class 22 (stored or sent values), 42601 (a piece of the statement) and P0 (raised by a
    /// function).
    var hasPlainMessage: Bool {
        switch self {
        case .insufficientPrivilege, .undefinedTable, .undefinedColumn, .undefinedFunction, .duplicateTable,
            .duplicateColumn, "42704", "42710", "42P06":
            true
        default: ["08", "0A", "25", "28", "3D", "3F", "40", "53", "54", "55", "57", "58"].contains(classCode)
        }
    }

    /// The name of the class, for errors whose message must not be logged.
    var className: String? {
        switch classCode {
        case "22": "data exception"
        case "42": "syntax error or access rule violation"
        case "P0": "raised by a function"
        case "XX": "internal error"
        default: nil
        }
    }
}

extension SQLState {
    /// Finds the code in a message that libpq composed at `PQERRORS_VERBOSE`: `FATAL:  28P01: ...`. libpq 15
    /// reports the reason of a refused connection only there. Severity and text may be in any language, but
    /// the layout is fixed (`pqBuildErrorMessage3`). The last code counts: with `sslmode=prefer` libpq tries
    /// twice.
    static func inVerboseMessage(_ message: String) -> SQLState? {
        let bytes = Array(message.utf8)
        var found: SQLState?
        var index = 0
        while index + 10 <= bytes.count {
            defer { index += 1 }
            guard bytes[index] == UInt8(ascii: ":"), bytes[index + 1] == UInt8(ascii: " "),
                bytes[index + 2] == UInt8(ascii: " "), bytes[index + 8] == UInt8(ascii: ":")
            else { continue }
            let code = bytes[(index + 3)..<(index + 8)]
            guard code.allSatisfy({ (48...57).contains($0) || (65...90).contains($0) }) else { continue }
            found = SQLState(rawValue: String(decoding: code, as: UTF8.self))
        }
        return found
    }
}
