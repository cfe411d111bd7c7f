import CPostgres

/// The owner of a `PGresult`, which never changes.
// SAFETY: libpq never changes a result of PQgetResult, so several threads may read it. The pointer is private
// and is cleared once, in deinit.
@safe final class PostgresResult: @unchecked Sendable {
    private let pointer: OpaquePointer
    let columnNames: [String]
    let rowCount: Int

    init(_ pointer: OpaquePointer) {
        unsafe self.pointer = unsafe pointer
        rowCount = Int(unsafe PQntuples(pointer))
        let columns = unsafe PQnfields(pointer)
        columnNames = (0..<columns).map { column in
            unsafe PQfname(pointer, column).map { unsafe String(cString: $0) } ?? ""
        }
    }

    deinit {
        unsafe PQclear(pointer)
    }

    var status: ExecStatusType { unsafe PQresultStatus(pointer) }

    /// "INSERT 0 3", "ROLLBACK".
    var commandTag: String {
        unsafe PQcmdStatus(pointer).map { unsafe String(cString: $0) } ?? ""
    }

    /// Rows that the command changed, or returned for a select.
    var affectedRows: Int {
        unsafe PQcmdTuples(pointer).flatMap { Int(unsafe String(cString: $0)) } ?? 0
    }

    /// Calls `body` with the value's bytes, or with nil for NULL.
    func withValue<R, Failure: Error>(
        row: Int, column: Int, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> R
    ) throws(Failure) -> R {
        precondition(row < rowCount && column < columnNames.count, "row and column are in the result")
        if unsafe PQgetisnull(pointer, Int32(row), Int32(column)) == 1 { return try body(nil) }
        let count = Int(unsafe PQgetlength(pointer, Int32(row), Int32(column)))
        let start = unsafe PQgetvalue(pointer, Int32(row), Int32(column))
        // SAFETY: libpq keeps `count` bytes at `start` until PQclear, which is this object's deinit.
        return try unsafe body(UnsafeRawBufferPointer(start: start, count: count))
    }

    /// The server's error in this result.
    func error(statement: String?) -> PostgresError {
        let state = field(.sqlState).map(SQLState.init(rawValue:))
        let isLoss = state?.endsSession ?? false
        var error = PostgresError(
            isLoss ? .connection : .server, field(.message) ?? wholeMessage,
            sqlState: state)
        // libpq's own failures (lost connection) are results without a SQLSTATE.
        if state == nil { error.code = .connection }
        error.detail = field(.detail)
        error.hint = field(.hint)
        error.context = field(.context)
        error.position = field(.position).flatMap(Int.init)
        error.schema = field(.schema)
        error.table = field(.table)
        error.column = field(.column)
        error.constraint = field(.constraint)
        error.statement = statement
        return error
    }

    private func field(_ code: Field) -> String? {
        unsafe PQresultErrorField(pointer, Int32(code.rawValue.value)).map { unsafe String(cString: $0) }
    }

    private var wholeMessage: String {
        unsafe PQresultErrorMessage(pointer).map { unsafe String(cString: $0) } ?? ""
    }
}

/// Field codes of `postgres_ext.h`: C character macros are not imported into Swift.
private enum Field: Unicode.Scalar {
    case sqlState = "C"
    case message = "M"
    case detail = "D"
    case hint = "H"
    case position = "P"
    case context = "W"
    case schema = "s"
    case table = "t"
    case column = "c"
    case constraint = "n"
}
