/// Percent coding of URIs (RFC 3986 section 2.1).
package enum PercentCoding {
    /// Decodes `text` as UTF-8.
    ///
    /// - Throws: `.percentEscape` for a broken escape, for bytes that are no UTF-8, and for NUL, which no
    /// path or
    ///   parameter has a use for.
    package static func decode(_ text: some StringProtocol) throws(HTTPWireError) -> String {
        try decode(text, plusIsSpace: false)
    }

    /// Encodes all bytes but letters, digits and `-._~`.
    package static func encode(_ text: some StringProtocol) -> String {
        encode(text, spaceIsPlus: false)
    }

    static func decode(
        _ text: some StringProtocol, plusIsSpace: Bool
    ) throws(HTTPWireError) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            if byte == ByteClass.percent {
                guard let high = rest.next().flatMap(ByteClass.hexDigit),
                    let low = rest.next().flatMap(ByteClass.hexDigit), high | low != 0
                else { throw HTTPWireError(.percentEscape) }
                bytes.append(high << 4 | low)
            } else {
                bytes.append(plusIsSpace && byte == UInt8(ascii: "+") ? ByteClass.space : byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw HTTPWireError(.percentEscape)
        }
        return decoded
    }

    static func encode(_ text: some StringProtocol, spaceIsPlus: Bool) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if ByteClass.isUnreserved(byte) {
                bytes.append(byte)
            } else if spaceIsPlus, byte == ByteClass.space {
                bytes.append(UInt8(ascii: "+"))
            } else {
                bytes.append(ByteClass.percent)
                bytes.append(hexDigit(byte >> 4))
                bytes.append(hexDigit(byte & 0x0F))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 + value : 0x37 + value
    }
}
