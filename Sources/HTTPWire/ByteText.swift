/// Text that is built as bytes, without intermediate strings.
extension [UInt8] {
    /// Appends UTF-8.
    package mutating func append(text: String) {
        append(contentsOf: text.utf8)
    }

    /// Appends a non-negative number in decimal digits.
    package mutating func append(decimal number: Int) {
        if number >= 10 { append(decimal: number / 10) }
        append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
    }

    mutating func appendLineEnd() {
        append(ByteClass.carriageReturn)
        append(ByteClass.lineFeed)
    }
}

extension Span<UInt8> {
    /// Whether all bytes belong to a class.
    @inline(__always)
    func allAre(_ isMember: (UInt8) -> Bool) -> Bool {
        for index in indices where !isMember(self[index]) { return false }
        return true
    }
}
