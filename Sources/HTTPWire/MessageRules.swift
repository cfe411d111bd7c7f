/// The rules over all header fields of a request head, among them those against request smuggling.
struct MessageRules {
    private(set) var host: String?
    private(set) var framing = RequestHead.Framing.none
    private(set) var persists: Bool
    private(set) var expectsContinue = false

    private var contentLength: Int?
    private var codings: [Range<Int32>] = []
    private var hasTransferEncoding = false
    private var hasEmptyCoding = false
    private var asksClose = false
    private var asksKeepAlive = false

    /// - Throws: the broken rule of RFC 9112 sections 3.2, 6.1 to 6.3 or RFC 9110 section 10.1.1.
    init(_ headers: Headers, minorVersion: Int) throws(HTTPWireError) {
        persists = false
        for field in headers.fields {
            // The length distinguishes nearly all names before a byte is compared.
            switch field.name.count {
            case 4: if headers.matches(field, "host") { try readHost(headers, field) }
            case 6: if headers.matches(field, "expect") { try readExpectation(headers, field, minorVersion) }
            case 10: if headers.matches(field, "connection") { readConnection(headers, field) }
            case 14: if headers.matches(field, "content-length") { try readLength(headers, field) }
            case 17: if headers.matches(field, "transfer-encoding") { readCodings(headers, field) }
            default: break
            }
        }
        if minorVersion >= 1, host == nil { throw HTTPWireError(.host) }
        try decideFraming(headers, minorVersion)
        persists = minorVersion >= 1 ? !asksClose : asksKeepAlive && !asksClose
    }

    private mutating func readHost(_ headers: Headers, _ field: Headers.Field) throws(HTTPWireError) {
        guard host == nil, Authority.isValid(headers.text.span.extracting(field.valueRange)) else {
            throw HTTPWireError(.host)
        }
        host = headers.string(field.value)
    }

    private mutating func readExpectation(
        _ headers: Headers, _ field: Headers.Field, _ minorVersion: Int
    ) throws(HTTPWireError) {
        // An HTTP/1.0 client does not understand an interim response, so its field is ignored.
        guard minorVersion >= 1 else { return }
        guard headers.equals(field.value, "100-continue") else { throw HTTPWireError(.expectation) }
        expectsContinue = true
    }

    private mutating func readConnection(_ headers: Headers, _ field: Headers.Field) {
        for element in headers.listElements(field) {
            if headers.equals(element, "close") { asksClose = true }
            if headers.equals(element, "keep-alive") { asksKeepAlive = true }
        }
    }

    private mutating func readLength(_ headers: Headers, _ field: Headers.Field) throws(HTTPWireError) {
        // A second field is refused even if it is equal: no client sends it, and proxies differ on it.
        guard contentLength == nil, !field.value.isEmpty else { throw HTTPWireError(.contentLength) }
        var length = 0
        for byte in headers.bytes(field.value) {
            guard let digit = ByteClass.digit(byte) else { throw HTTPWireError(.contentLength) }
            let (tenfold, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = tenfold.addingReportingOverflow(digit)
            length = overflow || carry ? Int.max : sum
        }
        contentLength = length
    }

    private mutating func readCodings(_ headers: Headers, _ field: Headers.Field) {
        hasTransferEncoding = true
        let elements = headers.listElements(field)
        codings += elements
        let commas = headers.bytes(field.value).count { $0 == ByteClass.comma }
        if elements.count != commas + 1 { hasEmptyCoding = true }
    }

    private mutating func decideFraming(_ headers: Headers, _ minorVersion: Int) throws(HTTPWireError) {
        guard hasTransferEncoding else {
            if let contentLength { framing = contentLength == 0 ? .none : .length(contentLength) }
            return
        }
        guard contentLength == nil, minorVersion >= 1 else { throw HTTPWireError(.ambiguousFraming) }
        let chunked = codings.map { headers.equals($0, "chunked") }
        // RFC 9110 section 5.6.1 allows empty elements, but implementations differ: an ambiguous field is
        // refused.
        if hasEmptyCoding { throw HTTPWireError(.transferEncoding) }
        if chunked == [true] {
            framing = .chunked
        } else if chunked.isEmpty || chunked.dropLast().contains(true) {
            throw HTTPWireError(.transferEncoding)
        } else {
            throw HTTPWireError(.unknownTransferCoding)
        }
    }
}
