/// Percent-encoding of URIs (RFC 3986 section 2.1).
package enum PercentCoding {
    /// Encodes all bytes except letters, digits and `-._~`.
    package static func encode(_ text: String, spaceIsPlus: Bool = false) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else if spaceIsPlus, byte == 0x20 {
                bytes.append(UInt8(ascii: "+"))
            } else {
                bytes.append(UInt8(ascii: "%"))
                bytes.append(digit(byte >> 4))
                bytes.append(digit(byte & 0x0F))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// `name=value&...`, for a query or a form body.
    package static func form(_ pairs: [(String, String)], spaceIsPlus: Bool = false) -> String {
        pairs.map {
            encode($0.0, spaceIsPlus: spaceIsPlus) + "=" + encode($0.1, spaceIsPlus: spaceIsPlus)
        }.joined(separator: "&")
    }

    /// Decodes `text` as UTF-8. Nil for a malformed escape, for bytes that are not UTF-8, and for NUL, which
    /// no path or parameter needs.
    package static func decode(_ text: Substring, plusIsSpace: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.next().flatMap(Hex.value), let low = rest.next().flatMap(Hex.value),
                    high | low != 0
                else { return nil }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// As `decode(_: Substring)`.
    package static func decode(_ text: String, plusIsSpace: Bool = false) -> String? {
        decode(text[...], plusIsSpace: plusIsSpace)
    }

    /// `unreserved` of RFC 3986 section 2.3.
    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: true
        default: false
        }
    }

    /// RFC 3986 section 2.1 asks for upper case.
    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x37 + value }
}
