/// Every error of this target, except `CancellationError`.
///
/// `description` contains codes, names of schema objects and hosts, and messages without stored values. It is
/// safe to log. Other messages, detail and statement are in `debugDescription`.
package struct PostgresError: Error, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of error.
    package enum Code: String, Sendable {
        /// The URL or a setting is invalid.
        case configuration
        /// No connection could be opened, or it was lost.
        case connection
        /// The server refused a statement. `sqlState` is the reason.
        case server
        /// The caller's deadline or the default one passed.
        case timedOut
        /// We closed the connection or the pool.
        case closed
        /// Two tasks used one connection at once, or it was left in the middle of a COPY.
        case busy
        /// No connection of the pool became free before the deadline.
        case poolExhausted
        /// The connection was lost during COMMIT: it may or may not have happened.
        case commitInDoubt
        /// A value does not decode to the requested type, or a column does not exist.
        case decoding
        /// A statement or value that cannot be sent, such as text with a NUL byte.
        case invalidArgument
        /// The migration files and the database do not agree.
        case migration
    }

    package var code: Code
    /// The server's reason, also of refused connections.
    package var sqlState: SQLState?
    package var constraint: String?
    package var schema: String?
    package var table: String?
    package var column: String?
    /// Position in the statement's text, in characters from 1.
    package var position: Int?
    /// In a pipeline: the index of the failed statement, from 0.
    package var statementIndex: Int?
    package var message: String
    package var detail: String?
    package var hint: String?
    /// The place of the error in a COPY or function ("COPY t, line 7, column a").
    package var context: String?
    package var statement: String?

    package init(_ code: Code, _ message: String, sqlState: SQLState? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
    }

    package var description: String {
        var parts = ["Postgres error: \(code.rawValue)"]
        if let sqlState { parts.append("SQLSTATE \(sqlState.rawValue)") }
        if let schema { parts.append("schema \(schema)") }
        if let table { parts.append("table \(table)") }
        if let column { parts.append("column \(column)") }
        if let constraint { parts.append("constraint \(constraint)") }
        if let statementIndex { parts.append("statement \(statementIndex)") }
        if isMessageSafe, !message.isEmpty {
            parts.append(Self.oneLine(message))
        } else if let name = sqlState?.className {
            parts.append(name)
        }
        return parts.joined(separator: ", ")
    }

    /// Whether the message is ours, libpq's about a connection, or one of the server's that quotes no value.
    private var isMessageSafe: Bool {
        switch code {
        case .server: sqlState?.hasPlainMessage ?? false
        case .decoding: false
        default: true
        }
    }

    /// libpq's message without the position in the server's source and without hints, which are separate
    /// lines.
    static func oneLine(_ message: String) -> String {
        var lines: [Substring] = []
        for line in message.split(separator: "\n") where !line.hasPrefix("LOCATION:") && !line.hasPrefix("\t")
        {
            if !lines.contains(line) { lines.append(line) }
        }
        return String(lines.joined(separator: "; ").prefix(500))
    }

    package var debugDescription: String {
        var lines = [description]
        if !message.isEmpty { lines.append("message: \(message)") }
        if let detail { lines.append("detail: \(detail)") }
        if let hint { lines.append("hint: \(hint)") }
        if let context { lines.append("context: \(context)") }
        if let position { lines.append("position: \(position)") }
        if let statement { lines.append("statement: \(statement)") }
        return lines.joined(separator: "\n")
    }
}

extension PostgresError {
    /// The connection is lost. The running statement did not commit (except `commitInDoubt`).
    package var isConnectionLoss: Bool {
        code == .connection || code == .commitInDoubt || (sqlState?.endsSession ?? false)
    }

    /// The server answers and refuses this client: password, role, database or pg_hba.conf are wrong.
    package var isLoginRefusal: Bool {
        code == .connection && ["28", "3D", "42"].contains(sqlState?.classCode)
    }

    /// A row with this key exists. `constraint` is the violated constraint.
    package var isUniqueViolation: Bool { sqlState == .uniqueViolation }

    /// The same transaction may be retried: serialization failure, deadlock, lock timeout, lost connection,
    /// exhausted pool. Never true for a commit in doubt.
    package var isTransient: Bool {
        switch code {
        // A connection that ended with 25006 reached a standby. Another one finds the primary.
        case .connection: sqlState.map { $0.isTransient || $0 == .readOnlyTransaction } ?? true
        case .poolExhausted, .timedOut: true
        case .server: sqlState?.isTransient ?? false
        default: false
        }
    }
}
