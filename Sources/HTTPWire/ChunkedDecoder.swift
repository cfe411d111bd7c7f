internal import Encoding

/// Decodes the chunked transfer coding (RFC 9112 section 7.1) without copying: it returns the range of the
/// data.
///
/// Extensions are checked and ignored. Trailer fields are separate from header fields.
package struct ChunkedDecoder: Sendable {
    /// The content at the beginning of the bytes.
    package enum Step: Sendable, Equatable {
        /// `range` of the bytes is data of the body. Consume up to its end.
        case data(Range<Int>)
        /// All bytes are used. More are needed.
        case incomplete
        /// The body ends with the first `consumed` bytes.
        case complete(consumed: Int)
    }

    private enum State: Sendable {
        case size(digits: Int)
        case beforeExtension
        case inExtension
        case sizeLineFeed
        case data
        case dataCarriageReturn
        case dataLineFeed
        case trailer
    }

    /// Maximum bytes of extensions in one body. Without a limit, a client could send forever.
    package static let maximumExtensionBytes = 4096
    /// Maximum bytes of trailer fields.
    package static let maximumTrailerBytes = 4096
    /// Maximum digits of a chunk's size, with leading zeros: enough for any `Int`.
    static let maximumSizeDigits = 15

    private var state = State.size(digits: 0)
    private var remaining = 0
    private var extensionBytes = 0
    private var trailerLine: [UInt8] = []
    private var trailerBytes = 0

    /// The trailer fields read so far.
    package private(set) var trailers = Headers()

    package init() {}

    /// Continues with `bytes`, which begin after the consumed bytes.
    ///
    /// - Throws: `.chunk`, or the error of a trailer field.
    package mutating func next(_ bytes: Span<UInt8>) throws(HTTPWireError) -> Step {
        var index = 0
        while index < bytes.count {
            if case .data = state {
                let end = min(bytes.count, index + remaining)
                remaining -= end - index
                if remaining == 0 { state = .dataCarriageReturn }
                return .data(index..<end)
            }
            let byte = bytes[index]
            index += 1
            if case .trailer = state {
                if try readTrailer(byte) { return .complete(consumed: index) }
            } else {
                try readFrame(byte)
            }
        }
        return .incomplete
    }

    private mutating func readFrame(_ byte: UInt8) throws(HTTPWireError) {
        switch state {
        case .size(let digits):
            try readSize(byte, digits)
        case .beforeExtension:
            guard byte == ByteClass.semicolon || ByteClass.isBlank(byte) else { throw HTTPWireError(.chunk) }
            if byte == ByteClass.semicolon { state = .inExtension }
            try countExtension()
        case .inExtension:
            try readExtension(byte)
        case .sizeLineFeed:
            guard byte == ByteClass.lineFeed else { throw HTTPWireError(.chunk) }
            state = remaining == 0 ? .trailer : .data
        case .dataCarriageReturn:
            guard byte == ByteClass.carriageReturn else { throw HTTPWireError(.chunk) }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == ByteClass.lineFeed else { throw HTTPWireError(.chunk) }
            state = .size(digits: 0)
        case .data, .trailer:
            break
        }
    }

    private mutating func readSize(_ byte: UInt8, _ digits: Int) throws(HTTPWireError) {
        if let digit = Hex.value(byte) {
            guard digits < Self.maximumSizeDigits else { throw HTTPWireError(.chunk) }
            remaining = remaining << 4 | Int(digit)
            state = .size(digits: digits + 1)
            return
        }
        guard digits > 0 else { throw HTTPWireError(.chunk) }
        switch byte {
        case ByteClass.carriageReturn: state = .sizeLineFeed
        case ByteClass.semicolon: state = .inExtension
        case ByteClass.space, ByteClass.tab: state = .beforeExtension
        default: throw HTTPWireError(.chunk)
        }
    }

    private mutating func readExtension(_ byte: UInt8) throws(HTTPWireError) {
        if byte == ByteClass.carriageReturn {
            state = .sizeLineFeed
            return
        }
        guard ByteClass.isFieldValue(byte) else { throw HTTPWireError(.chunk) }
        try countExtension()
    }

    private mutating func countExtension() throws(HTTPWireError) {
        extensionBytes += 1
        if extensionBytes > Self.maximumExtensionBytes { throw HTTPWireError(.chunk) }
    }

    /// - Returns: true if the empty line at the end of the body has been read.
    private mutating func readTrailer(_ byte: UInt8) throws(HTTPWireError) -> Bool {
        trailerBytes += 1
        if trailerBytes > Self.maximumTrailerBytes { throw HTTPWireError(.headTooLarge) }
        trailerLine.append(byte)
        guard byte == ByteClass.lineFeed else { return false }
        guard trailerLine.count >= 2, trailerLine[trailerLine.count - 2] == ByteClass.carriageReturn else {
            throw HTTPWireError(.bareLineFeed)
        }
        let line = 0..<(trailerLine.count - 2)
        if line.isEmpty { return true }
        let field = try FieldLine.read(trailerLine.span, line)
        let part = Headers(text: trailerLine, fields: [field])
        trailers.add(part.string(field.name), part.string(field.value))
        trailerLine.removeAll(keepingCapacity: true)
        return false
    }
}
