/// The name of an org as one line of text: written by whoever registered it, so encoded wherever it is shown.
package struct OrganizationName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Makes one line of it: breaks, tabs and runs of spaces become one space; control characters and marks
    /// that turn the direction of the text are dropped. Nil if nothing is left or too much.
    package init?(_ text: String) {
        var line = String.UnicodeScalarView()
        var pendingSpace = false
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || Self.isBreak(scalar) {
                pendingSpace = !line.isEmpty
                continue
            }
            if Self.isInvisible(scalar) { continue }
            if pendingSpace { line.append(" ") }
            pendingSpace = false
            line.append(scalar)
        }
        let cleaned = String(line)
        guard !cleaned.isEmpty, cleaned.unicodeScalars.count <= OrganizationsLimits.nameCharacters else {
            return nil
        }
        self.text = cleaned
    }

    package var description: String { text }

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }

    /// Controls, and format characters except the joiners that scripts and emoji need.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .privateUse, .surrogate: true
        case .format: scalar.value != 0x200C && scalar.value != 0x200D
        default: false
        }
    }
}
