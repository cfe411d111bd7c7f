/// An expression of `$search`: words and phrases with AND, OR and NOT. Words side by side must all be found.
indirect enum SearchExpression: Equatable, Sendable {
    case term(String)
    case all([SearchExpression])
    case any([SearchExpression])
    case not(SearchExpression)

    /// Parses the text of `$search`.
    static func parse(_ text: String) throws(ODataError) -> SearchExpression {
        var rest = try words(of: text)[...]
        guard !rest.isEmpty else { throw ODataError(.syntax, "$search is empty") }
        guard rest.count <= ODataLimits.searchTerms else {
            throw ODataError(.tooLarge, "$search has more than \(ODataLimits.searchTerms) words")
        }
        var alternatives: [SearchExpression] = []
        while true {
            alternatives.append(try conjunction(&rest))
            guard rest.first == Word(text: "OR", isPhrase: false) else { break }
            rest.removeFirst()
        }
        return alternatives.count == 1 ? alternatives[0] : .any(alternatives)
    }

    private struct Word: Equatable {
        let text: String
        let isPhrase: Bool
    }

    private static func conjunction(_ rest: inout ArraySlice<Word>) throws(ODataError) -> SearchExpression {
        var parts: [SearchExpression] = []
        var isNegated = false
        while let word = rest.first, word != Word(text: "OR", isPhrase: false) {
            rest.removeFirst()
            switch (word.isPhrase, word.text) {
            case (false, "AND"): continue
            case (false, "NOT"): isNegated = true
            default:
                parts.append(isNegated ? .not(.term(word.text)) : .term(word.text))
                isNegated = false
            }
        }
        guard !isNegated, let first = parts.first else {
            throw ODataError(.syntax, "a word is missing in $search")
        }
        return parts.count == 1 ? first : .all(parts)
    }

    private static func words(of text: String) throws(ODataError) -> [Word] {
        var words: [Word] = []
        let parts = text.split(separator: "\"", omittingEmptySubsequences: false)
        guard parts.count % 2 == 1 else { throw ODataError(.syntax, "a phrase of $search does not end") }
        for (index, part) in parts.enumerated() {
            if index % 2 == 1 {
                guard !part.isEmpty else { throw ODataError(.syntax, "a phrase of $search is empty") }
                words.append(Word(text: String(part), isPhrase: true))
            } else {
                words += part.split(separator: " ").map { Word(text: String($0), isPhrase: false) }
            }
        }
        return words
    }
}
