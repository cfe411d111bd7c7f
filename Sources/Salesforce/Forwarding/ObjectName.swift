/// The API name of an object or a field: letters, digits and underscores, beginning with a letter.
package struct ObjectName: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Nil for other text.
    package init?(_ text: String) {
        guard Self.isName(text) else { return nil }
        self.text = text
    }

    /// Salesforce's names ignore case.
    package var key: String { text.lowercased() }
    package var description: String { text }

    /// Salesforce allows 40 characters, a namespace and a suffix.
    private static let maximumBytes = 80

    static func isName(_ text: some StringProtocol) -> Bool {
        guard let first = text.utf8.first, text.utf8.count <= maximumBytes else { return false }
        return isLetter(first)
            && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x5F }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}
