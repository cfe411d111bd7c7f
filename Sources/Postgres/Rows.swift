/// The rows of one statement, in memory as libpq received them. Values are decoded on access. Use `copyOut`
/// for results without a limit.
package struct Rows: RandomAccessCollection, Sendable {
    let result: PostgresResult

    package var startIndex: Int { 0 }
    package var endIndex: Int { result.rowCount }
    package var columnNames: [String] { result.columnNames }
    /// Rows inserted, updated, deleted or selected.
    package var affected: Int { result.affectedRows }

    package subscript(position: Int) -> Row {
        precondition(position >= 0 && position < result.rowCount, "row is in the result")
        return Row(result: result, index: position)
    }

    /// The first column of the first row. Throws `.decoding` if there is no row.
    package func scalar<Value: PostgresDecodable>(as type: Value.Type = Value.self) throws(PostgresError)
        -> Value
    {
        guard let first else { throw PostgresError(.decoding, "the statement returned no row") }
        return try first[0]
    }

    /// The first column of the first row. Nil for NULL and if there is no row.
    package func scalar<Value: PostgresDecodable>(
        as type: Value?.Type = Value?.self
    ) throws(PostgresError) -> Value? {
        guard let first else { return nil }
        return try first[0]
    }

    /// The first column of all rows.
    package func column<Value: PostgresDecodable>(as type: Value.Type = Value.self) throws -> [Value] {
        try map { try $0[0] }
    }
}

/// One row of a result.
package struct Row: Sendable {
    let result: PostgresResult
    let index: Int

    package var columnNames: [String] { result.columnNames }

    /// The value of a column. Throws `.decoding` for NULL, for an unknown column, and for a value of another
    /// type.
    package subscript<Value: PostgresDecodable>(_ name: String, as type: Value.Type = Value.self) -> Value {
        get throws(PostgresError) { try self[try position(of: name)] }
    }

    /// The value of a column that may be NULL.
    package subscript<Value: PostgresDecodable>(_ name: String, as type: Value?.Type = Value?.self) -> Value?
    {
        get throws(PostgresError) { try self[try position(of: name)] }
    }

    package subscript<Value: PostgresDecodable>(_ column: Int, as type: Value.Type = Value.self) -> Value {
        get throws(PostgresError) {
            guard let value: Value = try self[column] else { throw undecodable(column, "NULL", Value.self) }
            return value
        }
    }

    package subscript<Value: PostgresDecodable>(_ column: Int, as type: Value?.Type = Value?.self) -> Value? {
        get throws(PostgresError) {
            guard column >= 0, column < result.columnNames.count else {
                throw PostgresError(.decoding, "there is no column \(column)")
            }
            return try unsafe result.withValue(row: index, column: column) { bytes throws(PostgresError) in
                guard let bytes = unsafe bytes else { return nil }
                // SAFETY: the span ends with this closure, and the bytes live as long as the result.
                let text = unsafe Span<UInt8>(_unsafeBytes: bytes)
                guard let value = Value(postgres: text) else {
                    throw undecodable(column, "a value", Value.self)
                }
                return value
            }
        }
    }

    /// Appends a column's text to bytes, without a copy in between. Returns false for NULL.
    package func append(column: Int, to bytes: inout [UInt8]) -> Bool {
        unsafe result.withValue(row: index, column: column) { text in
            guard let text = unsafe text else { return false }
            unsafe bytes.append(contentsOf: text)
            return true
        }
    }

    private func position(of name: String) throws(PostgresError) -> Int {
        guard let position = result.columnNames.firstIndex(of: name) else {
            throw PostgresError(.decoding, "there is no column \(name)")
        }
        return position
    }

    /// The error does not contain the value, which may be a secret.
    private func undecodable<Value>(_ column: Int, _ what: String, _: Value.Type) -> PostgresError {
        var error = PostgresError(.decoding, "\(what) does not decode to \(Value.self)")
        error.column = result.columnNames[column]
        return error
    }
}
