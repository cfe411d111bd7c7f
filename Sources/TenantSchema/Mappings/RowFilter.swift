/// The syntax check of a mapping's row filter. The org checks everything else.
enum RowFilter {
    /// Why the text cannot stand in parentheses after `WHERE`. Nil if it can.
    static func problem(_ text: String) -> String? {
        var depth = 0
        var isQuoted = false
        var isEscaped = false
        for character in text.unicodeScalars {
            if isQuoted {
                if !isEscaped, character == "'" { isQuoted = false }
                isEscaped = character == "\\" && !isEscaped
                continue
            }
            switch character {
            case "'": isQuoted = true
            case "(": depth += 1
            case ")": depth -= 1
            default: break
            }
            guard depth >= 0 else { return "closes a parenthesis that is not open" }
        }
        if isQuoted { return "has a string without its closing quote" }
        return depth == 0 ? nil : "has an open parenthesis"
    }
}
