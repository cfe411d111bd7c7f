/// A mail address in the unquoted ASCII form of RFC 5321, with a domain of at least two labels.
///
/// Quoted local parts, comments, address literals and characters that could end a header line are refused.
package struct EmailAddress: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    /// Trims white space and lowercases the domain. Nil if the text is not an address.
    package init?(_ text: String) {
        var trimmed = text.drop(while: \.isWhitespace)
        while trimmed.last?.isWhitespace == true { trimmed.removeLast() }
        let parts = trimmed.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isLocalPart(parts[0]), Self.isDomain(parts[1]),
            trimmed.count <= OrganizationsLimits.emailCharacters
        else { return nil }
        self.text = parts[0] + "@" + parts[1].lowercased()
    }

    /// Reads an address from a registration. Drops a final `.invalid`, which Salesforce appends to users'
    /// addresses when it creates or refreshes a sandbox; no deliverable address ends like this.
    package init?(registered text: String) {
        guard let address = EmailAddress(text) else { return nil }
        let suffix = ".invalid"
        let bare = address.text.hasSuffix(suffix) ? String(address.text.dropLast(suffix.count)) : address.text
        self.init(bare)
    }

    /// Whether an older sandbox refresh has masked the address, for example `ann=acme.com@example.com`. The
    /// original cannot be restored with certainty, and no mail reaches example.com.
    package var isMasked: Bool {
        let parts = text.split(separator: "@")
        return parts.count == 2 && parts[1] == "example.com" && parts[0].contains("=")
    }

    package var description: String { text }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private static let special = Set("!#$%&'*+-/=?^_`{|}~".utf8)

    /// RFC 5321, `Dot-string`; at most 64 octets.
    private static func isLocalPart(_ text: Substring) -> Bool {
        text.utf8.count <= 64
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
