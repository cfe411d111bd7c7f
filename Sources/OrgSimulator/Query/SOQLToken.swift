/// A token of a query, with its position in characters from 0.
struct SOQLToken: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// A name or keyword, with dots: `Account.Name`.
        case word(String)
        case string(String)
        /// The text of a number, a date or a date-time.
        case number(String)
        /// One of `( ) , = != <> < <= > >=`.
        case symbol(String)
        case end
    }

    let kind: Kind
    let offset: Int

    /// The token's text in errors.
    var text: String {
        switch kind {
        case .word(let text), .number(let text), .symbol(let text): text
        case .string(let text): "'\(text)'"
        case .end: "<EOF>"
        }
    }
}
