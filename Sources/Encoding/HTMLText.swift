/// Text for HTML elements and quoted attributes.
package enum HTMLText {
    /// The text with the characters of markup escaped.
    package static func escaped(_ text: String) -> String {
        var result = ""
        // By scalars: a quote with a combining mark is one character, but HTML sees the quote.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
