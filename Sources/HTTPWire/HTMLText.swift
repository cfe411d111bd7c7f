/// Text as it may stand in HTML, in elements and in quoted attributes.
package enum HTMLText {
    /// The text with what markup is made of escaped.
    package static func escaped(_ text: String) -> String {
        var result = ""
        // By scalars: a quote with a combining mark is one character, and a quote all the same.
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
