/// Collects the header lines that libcurl hands over one by one. Interim answers (1xx) are forgotten.
struct ResponseHeadReader {
    private(set) var status = 0
    private(set) var headers = ClientHeaders()
    /// The empty line after a final status has come; what follows are trailers, which are ignored.
    private(set) var isComplete = false
    private var bytes = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// The announced length of the body, if there is one.
    var contentLength: Int? { headers["content-length"].flatMap { Int($0) } }

    /// Takes one line with its end. False when the head grows beyond its limit or is no HTTP.
    mutating func take(_ line: [UInt8]) -> Bool {
        bytes += line.count
        guard bytes <= limit else { return false }
        guard !isComplete else { return true }
        let content = line.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        if content.isEmpty {
            isComplete = status >= 200
            return true
        }
        if content.starts(with: "HTTP/".utf8) { return takeStatus(content) }
        if let first = content.first, first == 32 || first == 9 {
            headers.extendLast(by: Self.trimmed(content))
            return true
        }
        guard let colon = content.firstIndex(of: UInt8(ascii: ":")) else { return true }
        headers.append(
            name: String(decoding: content[..<colon], as: UTF8.self),
            value: Self.trimmed(content[(colon + 1)...]))
        return true
    }

    private mutating func takeStatus(_ line: ArraySlice<UInt8>) -> Bool {
        headers = ClientHeaders()
        let digits = line.drop { $0 != 32 }.dropFirst().prefix { $0 != 32 }
        status = Int(String(decoding: digits, as: UTF8.self)) ?? 0
        return status >= 100
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank = { (byte: UInt8) in byte == 32 || byte == 9 }
        let start = bytes.drop(while: isBlank)
        let end = start.lastIndex { !isBlank($0) }.map { start.index(after: $0) } ?? start.startIndex
        return String(decoding: start[start.startIndex..<end], as: UTF8.self)
    }
}
