/// A piece of a query and where it begins, counted in characters from 0.
struct SOQLToken: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// A name or keyword, dots included: `Account.Name`.
        case word(String)
        case string(String)
        /// Numbers, dates and moments, as they stand.
        case number(String)
        /// One of `( ) , = != <> < <= > >=`.
        case symbol(String)
        case end
    }

    let kind: Kind
    let offset: Int

    /// How errors quote it.
    var text: String {
        switch kind {
        case .word(let text), .number(let text), .symbol(let text): text
        case .string(let text): "'\(text)'"
        case .end: "<EOF>"
        }
    }
}
