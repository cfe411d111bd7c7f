/// The pattern of LIKE: `%` for any text, `_` for one character, case ignored. Documented.
struct LikePattern: Hashable, Sendable {
    private let characters: [Character]

    init(_ pattern: String) {
        characters = Array(pattern.lowercased())
    }

    func matches(_ text: String) -> Bool {
        let text = Array(text.lowercased())
        var place = 0
        var star: (pattern: Int, text: Int)?
        var patternPlace = 0
        while place < text.count {
            if patternPlace < characters.count, characters[patternPlace] == "%" {
                star = (patternPlace, place)
                patternPlace += 1
            } else if patternPlace < characters.count,
                characters[patternPlace] == "_" || characters[patternPlace] == text[place]
            {
                patternPlace += 1
                place += 1
            } else if let last = star {
                patternPlace = last.pattern + 1
                place = last.text + 1
                star = (last.pattern, last.text + 1)
            } else {
                return false
            }
        }
        return characters[patternPlace...].allSatisfy { $0 == "%" }
    }
}
