/// An address that mail can be sent to: the unquoted ASCII form of RFC 5321, with a domain of two labels or
/// more.
///
/// Quoted local parts, comments, address literals and anything that could end a header line are refused.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Trims white space and lowers the domain. Nil if it is no address.
    package init?(_ text: String) {
        let trimmed = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        let parts = String(trimmed).split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isLocalPart(parts[0]), Self.isDomain(parts[1]),
            trimmed.count <= OrganizationsLimits.emailCharacters
        else { return nil }
        self.text = parts[0] + "@" + parts[1].lowercased()
    }

    /// As a registration names it. Salesforce appends `.invalid` to the addresses of a sandbox's users when the
    /// sandbox is made or refreshed; no address that mail reaches ends like this, so it is dropped.
    package init?(registered text: String) {
        guard let address = EmailAddress(text) else { return nil }
        let suffix = ".invalid"
        let bare = address.text.hasSuffix(suffix) ? String(address.text.dropLast(suffix.count)) : address.text
        self.init(bare)
    }

    /// Whether it is what sandbox refreshes once made of an address: `ann=acme.com@example.com`. Where the equals
    /// sign stood for an at sign cannot be told with certainty, and no mail reaches example.com.
    package var isMasked: Bool {
        let parts = text.split(separator: "@")
        return parts.count == 2 && parts[1] == "example.com" && parts[0].contains("=")
    }

    package var description: String { text }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    /// RFC 5321, `Dot-string`; at most 64 octets.
    private static func isLocalPart(_ text: Substring) -> Bool {
        let special = Set("!#$%&'*+-/=?^_`{|}~".utf8)
        return text.utf8.count <= 64
            && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
                !atom.isEmpty && atom.utf8.allSatisfy { isLetterOrDigit($0) || special.contains($0) }
            }
    }

    private static func isDomain(_ text: Substring) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, let top = labels.last,
            top.utf8.contains(where: { !(0x30...0x39).contains($0) })
        else { return false }
        return labels.allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { isLetterOrDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }
}
