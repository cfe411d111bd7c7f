/// A cookie to set (RFC 6265 section 4.1), and the parser of the Cookie field.
package struct Cookie: Sendable, Equatable {
    /// Whether the browser sends the cookie with requests that another site causes.
    package enum SameSite: String, Sendable {
        case strict = "Strict"
        case lax = "Lax"
        case none = "None"
    }

    /// The name, a token.
    package var name: String
    /// The value. It must not contain white space, comma, semicolon, quote or backslash: encode it.
    package var value: String
    /// The path for which the browser sends it.
    package var path: String
    /// Lifetime in seconds. Nil: until the browser closes. 0: deletes the cookie.
    package var maximumAgeSeconds: Int?
    /// Only over TLS.
    package var isSecure: Bool
    /// Hidden from scripts.
    package var isHTTPOnly: Bool
    /// Whether other sites may cause it to be sent.
    package var sameSite: SameSite

    package init(
        name: String, value: String, path: String = "/", maximumAgeSeconds: Int? = nil,
        isSecure: Bool = true, isHTTPOnly: Bool = true, sameSite: SameSite = .lax
    ) {
        self.name = name
        self.value = value
        self.path = path
        self.maximumAgeSeconds = maximumAgeSeconds
        self.isSecure = isSecure
        self.isHTTPOnly = isHTTPOnly
        self.sameSite = sameSite
    }

    /// The value of a Set-Cookie field.
    ///
    /// - Throws: `.unwritableField` if name, value or path would break the field.
    package func encoded() throws(HTTPWireError) -> String {
        guard !name.isEmpty, name.utf8.allSatisfy(ByteClass.isToken),
            value.utf8.allSatisfy(Self.isValueByte),
            path.utf8.allSatisfy({ ByteClass.isTarget($0) && $0 != ByteClass.semicolon })
        else { throw HTTPWireError(.unwritableField) }
        var text = "\(name)=\(value); Path=\(path)"
        if let maximumAgeSeconds { text += "; Max-Age=\(maximumAgeSeconds)" }
        if isSecure { text += "; Secure" }
        if isHTTPOnly { text += "; HttpOnly" }
        return text + "; SameSite=\(sameSite.rawValue)"
    }

    /// The name-value pairs of Cookie fields. Broken pairs are skipped: other applications on the host may
    /// set them.
    package static func read(_ headers: Headers) -> [Form.Field] {
        headers.values("cookie").flatMap { $0.split(separator: ";") }.compactMap { pair in
            let trimmed = pair.drop { $0 == " " || $0 == "\t" }
            guard let mark = trimmed.utf8.firstIndex(of: UInt8(ascii: "=")), mark > trimmed.startIndex else {
                return nil
            }
            var value = trimmed[trimmed.utf8.index(after: mark)...]
            while value.last == " " || value.last == "\t" { value = value.dropLast() }
            if value.count >= 2, value.first == "\"", value.last == "\"" {
                value = value.dropFirst().dropLast()
            }
            return Form.Field(name: String(trimmed[..<mark]), value: String(value))
        }
    }

    private static func isValueByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x22, 0x2C, 0x3B, 0x5C: false
        default: byte > 0x20 && byte < 0x7F
        }
    }
}
