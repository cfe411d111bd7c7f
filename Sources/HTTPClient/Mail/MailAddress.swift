/// A mailbox: an address that is safe in SMTP commands, and a name, which may be any text.
package struct MailAddress: Sendable, Hashable {
    package let address: String
    package let name: String?

    /// Accepts `local@domain` of RFC 5321 section 4.1.2, without quotes and without an address literal, at
    /// most 254 bytes of ASCII (an international domain in its `xn--` form). Throws `.invalidRequest`.
    package init(_ address: String, name: String? = nil) throws(HTTPClientError) {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        guard address.utf8.count <= 254, parts.count == 2, parts[0].utf8.count <= 64,
            Self.isDotted(parts[0], Self.isAtomCharacter), Self.isDotted(parts[1], Self.isLabelCharacter)
        else { throw HTTPClientError(.invalidRequest, detail: "mail address") }
        self.address = address
        self.name = name
    }

    /// The part after the at sign.
    package var domain: String { String(address.drop { $0 != "@" }.dropFirst()) }

    /// The form in a header.
    var headerText: String {
        guard let name, !name.isEmpty else { return "<\(address)>" }
        return "\(HeaderText.phrase(name)) <\(address)>"
    }

    private static func isDotted(_ text: Substring, _ isAllowed: (UInt8) -> Bool) -> Bool {
        text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0.allSatisfy(isAllowed) }
    }

    private static func isAtomCharacter(_ byte: UInt8) -> Bool {
        HeaderText.isAlphanumeric(byte) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
    }

    private static func isLabelCharacter(_ byte: UInt8) -> Bool {
        HeaderText.isAlphanumeric(byte) || byte == UInt8(ascii: "-")
    }
}
