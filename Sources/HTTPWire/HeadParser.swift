/// Parses one request head at the beginning of a growing buffer.
///
/// The caller passes all bytes each time, the same bytes with more at the end. The parser remembers the lines
/// it has processed, so the cost is linear in the bytes, even if they arrive one by one. It is strict (RFC
/// 9112): ambiguous heads are refused.
package struct HeadParser: Sendable {
    /// The result for the bytes so far.
    package enum Outcome: Sendable {
        /// No error yet. More bytes are needed.
        case incomplete
        /// A complete head in the first `consumed` bytes. The parser is ready for the next one.
        case complete(RequestHead, consumed: Int)
    }

    private struct RequestLine {
        var method: Method
        var target: Range<Int>
        var minorVersion: Int
    }

    /// The usual number of a browser, so that the array grows once.
    private static let usualFieldCount = 16

    private let limits: HeadLimits
    /// The bytes before this offset have been searched for line ends.
    private var scanned = 0
    /// The start of the incomplete line.
    private var lineStart = 0
    /// The start of the head, after an empty line in front of it.
    private var start = 0
    private var requestLine: RequestLine?
    private var fields: [Headers.Field] = []

    package init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
    }

    /// Whether a part of a head has arrived.
    package var isUnderway: Bool { scanned > start }

    /// Whether the head begins as that of a HEAD request, even if it was refused. The response then has no
    /// body.
    package func isHead(_ bytes: Span<UInt8>) -> Bool {
        var index = start
        for byte in "HEAD ".utf8 {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    /// Continues with the bytes of the buffer.
    ///
    /// - Throws: the broken rule. The connection cannot be used after that.
    package mutating func parse(_ bytes: Span<UInt8>) throws(HTTPWireError) -> Outcome {
        while true {
            try checkFirst(bytes)
            guard let lineFeed = Self.firstLineFeed(bytes, from: scanned) else { break }
            scanned = lineFeed + 1
            try checkSize(upTo: lineFeed + 1)
            guard lineFeed > lineStart, bytes[lineFeed - 1] == ByteClass.carriageReturn else {
                throw HTTPWireError(.bareLineFeed)
            }
            let line = lineStart..<(lineFeed - 1)
            lineStart = lineFeed + 1
            if let requestLine {
                if line.isEmpty { return try finish(bytes, requestLine) }
                try readField(bytes, line)
            } else if line.isEmpty {
                // RFC 9112 section 2.2: one empty line in front of a request is allowed.
                guard start == 0 else { throw HTTPWireError(.requestLine) }
                start = lineStart
            } else {
                requestLine = try readRequestLine(bytes, line)
            }
        }
        scanned = bytes.count
        try checkSize(upTo: bytes.count)
        return .incomplete
    }

    /// A TLS handshake or noise is refused at its first byte instead of at a deadline.
    private func checkFirst(_ bytes: Span<UInt8>) throws(HTTPWireError) {
        guard requestLine == nil, lineStart < bytes.count else { return }
        let byte = bytes[lineStart]
        guard ByteClass.isToken(byte) || byte == ByteClass.carriageReturn || byte == ByteClass.lineFeed else {
            throw HTTPWireError(.requestLine)
        }
    }

    private func checkSize(upTo end: Int) throws(HTTPWireError) {
        if requestLine == nil, end - start > limits.requestLineBytes {
            throw HTTPWireError(.targetTooLong)
        }
        if end - start > limits.headBytes { throw HTTPWireError(.headTooLarge) }
    }

    private static func firstLineFeed(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        let count = bytes.count
        while index < count {
            if bytes[index] == ByteClass.lineFeed { return index }
            index += 1
        }
        return nil
    }

    private func readRequestLine(
        _ bytes: Span<UInt8>, _ line: Range<Int>
    ) throws(HTTPWireError) -> RequestLine {
        var index = line.lowerBound
        while index < line.upperBound, ByteClass.isToken(bytes[index]) { index += 1 }
        guard index > line.lowerBound, index < line.upperBound, bytes[index] == ByteClass.space else {
            throw HTTPWireError(.requestLine)
        }
        let method = Self.method(bytes, line.lowerBound..<index)
        let targetStart = index + 1
        index = targetStart
        while index < line.upperBound, ByteClass.isTarget(bytes[index]) { index += 1 }
        let target = targetStart..<index
        guard !target.isEmpty, index < line.upperBound, bytes[index] == ByteClass.space else {
            throw HTTPWireError(.requestLine)
        }
        let minorVersion = try readVersion(bytes, (index + 1)..<line.upperBound)
        return RequestLine(method: method, target: target, minorVersion: minorVersion)
    }

    /// The two usual methods, without creating a string.
    private static func method(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Method {
        let first = bytes[range.lowerBound]
        if range.count == 3, first == UInt8(ascii: "G"), bytes[range.lowerBound + 1] == UInt8(ascii: "E"),
            bytes[range.lowerBound + 2] == UInt8(ascii: "T")
        {
            return .get
        }
        return Method(String(decoding: copy(bytes, range), as: UTF8.self))
    }

    private func readVersion(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPWireError) -> Int {
        guard range.count == 8 else { throw HTTPWireError(.requestLine) }
        var index = range.lowerBound
        for byte in "HTTP/".utf8 {
            guard bytes[index] == byte else { throw HTTPWireError(.requestLine) }
            index += 1
        }
        guard let major = ByteClass.digit(bytes[index]), bytes[index + 1] == UInt8(ascii: "."),
            let minor = ByteClass.digit(bytes[index + 2])
        else { throw HTTPWireError(.requestLine) }
        guard major == 1 else { throw HTTPWireError(.version) }
        return min(minor, 1)
    }

    private mutating func readField(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPWireError) {
        if ByteClass.isBlank(bytes[line.lowerBound]) { throw HTTPWireError(.foldedField) }
        guard fields.count < limits.fieldCount else { throw HTTPWireError(.headTooLarge) }
        if fields.isEmpty { fields.reserveCapacity(Self.usualFieldCount) }
        fields.append(try FieldLine.read(bytes, line).moved(by: -start))
    }

    private mutating func finish(
        _ bytes: Span<UInt8>, _ requestLine: RequestLine
    ) throws(HTTPWireError) -> Outcome {
        let consumed = lineStart
        let headers = Headers(text: Self.copy(bytes, start..<consumed), fields: fields)
        let target = String(decoding: Self.copy(bytes, requestLine.target), as: UTF8.self)
        let parts = try RequestTarget(target, method: requestLine.method)
        let rules = try MessageRules(headers, minorVersion: requestLine.minorVersion)
        let head = RequestHead(
            method: requestLine.method, target: target, path: parts.path, query: parts.query,
            minorVersion: requestLine.minorVersion, headers: headers,
            host: parts.authority ?? rules.host ?? "", framing: rules.framing, persists: rules.persists,
            expectsContinue: rules.expectsContinue && rules.framing != .none)
        self = HeadParser(limits: limits)
        return .complete(head, consumed: consumed)
    }

    static func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        [UInt8](capacity: range.count) { output in
            for index in range { output.append(bytes[index]) }
        }
    }
}
