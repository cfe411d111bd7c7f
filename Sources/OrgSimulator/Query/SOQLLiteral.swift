/// A constant in a query, with its position.
struct SOQLLiteral: Hashable, Sendable {
    enum Value: Hashable, Sendable {
        case null
        case boolean(Bool)
        case number(Double)
        case string(String)
        /// Days since 1970-01-01.
        case date(Int)
        /// Milliseconds since 1970-01-01T00:00:00Z.
        case instant(Int)
    }

    let value: Value
    let offset: Int
}
