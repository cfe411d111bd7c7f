/// A SQLSTATE: the five characters by which Postgres names a condition, whatever its language is set to.
/// Source: PostgreSQL 15 documentation, appendix A.
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
    package static let invalidTextRepresentation: SQLState = "22P02"
    package static let badCopyFileFormat: SQLState = "22P04"
    package static let stringDataRightTruncation: SQLState = "22001"
    package static let numericValueOutOfRange: SQLState = "22003"
    package static let notNullViolation: SQLState = "23502"
    package static let foreignKeyViolation: SQLState = "23503"
    package static let uniqueViolation: SQLState = "23505"
    package static let checkViolation: SQLState = "23514"
    package static let inFailedTransaction: SQLState = "25P02"
    package static let invalidStatementName: SQLState = "26000"
    package static let invalidAuthorization: SQLState = "28000"
    package static let invalidPassword: SQLState = "28P01"
    package static let unknownDatabase: SQLState = "3D000"
    package static let serializationFailure: SQLState = "40001"
    package static let deadlockDetected: SQLState = "40P01"
    package static let insufficientPrivilege: SQLState = "42501"
    package static let duplicateColumn: SQLState = "42701"
    package static let undefinedColumn: SQLState = "42703"
    package static let undefinedFunction: SQLState = "42883"
    package static let undefinedTable: SQLState = "42P01"
    package static let duplicateTable: SQLState = "42P07"
    package static let diskFull: SQLState = "53100"
    package static let tooManyConnections: SQLState = "53300"
    package static let lockNotAvailable: SQLState = "55P03"
    package static let queryCancelled: SQLState = "57014"
    package static let adminShutdown: SQLState = "57P01"
    package static let crashShutdown: SQLState = "57P02"
    package static let cannotConnectNow: SQLState = "57P03"
    package static let idleInTransactionTimeout: SQLState = "25P03"
    package static let idleSessionTimeout: SQLState = "57P05"
}

extension SQLState {
    /// The server said that this session is over, so the connection is of no more use.
    package var endsSession: Bool {
        switch self {
        case .adminShutdown, .crashShutdown, .cannotConnectNow, .idleInTransactionTimeout,
            .idleSessionTimeout:
            true
        default:
            classCode == "08"
        }
    }

    /// The same transaction, run again from its start, may well succeed.
    package var isTransient: Bool {
        switch self {
        case .serializationFailure, .deadlockDetected, .lockNotAvailable: true
        default: endsSession || classCode == "53"
        }
    }

    /// What the server says to credentials it does not accept.
    package var isAuthentication: Bool {
        self == .invalidPassword || self == .invalidAuthorization
    }
}

extension SQLState {
    /// Finds the code in a message that libpq composed at `PQERRORS_VERBOSE`: `FATAL:  28P01: ...`.
    /// libpq 15 has no other way to say why a connection was refused; severity and text may be in any
    /// language, but the layout is fixed (`pqBuildErrorMessage3`). The last one counts: with
    /// `sslmode=prefer` libpq tries twice.
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
