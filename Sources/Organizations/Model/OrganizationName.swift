/// The name of an org as one line of text. The sender of the registration writes it: encode it where it is
/// shown.
package struct OrganizationName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Replaces line breaks, tabs and runs of spaces by one space, and drops control characters and marks
    /// that change the direction of text. Nil if the result is empty or too long.
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

    /// Control and format characters, except the joiners that scripts and emoji need.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .privateUse, .surrogate: true
        case .format: scalar.value != 0x200C && scalar.value != 0x200D
        default: false
        }
    }
}
