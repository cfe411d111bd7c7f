import Encoding
import HTTPWire

/// Batches as `multipart/mixed` (OData 4.0 part 1 section 11.7, OData 2.0 "Batch Processing"; RFC 2046).
enum BatchMultipart {
    private static let newline = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// - Parameter type: the value of Content-Type, with the boundary.
    static func requests(_ body: [UInt8], type: String) throws(ODataError) -> [BatchRequest] {
        var requests: [BatchRequest] = []
        var groups = 0
        for part in try parts(body[...], type) {
            let (headers, content) = try fields(part)
            let type = headers["content-type"] ?? ""
            if isMultipart(type) {
                groups += 1
                for part in try parts(content, type) {
                    let (headers, content) = try fields(part)
                    var request = try request(headers, content)
                    guard request.method != "GET" else {
                        throw ODataError(.syntax, "a change set has no GET requests")
                    }
                    request.group = "changes \(groups)"
                    requests.append(request)
                }
            } else {
                requests.append(try request(headers, content))
            }
            guard requests.count <= ODataLimits.batchRequests else { throw BatchJSON.tooMany }
        }
        let ids = requests.compactMap(\.id)
        guard Set(ids).count == ids.count else {
            throw ODataError(.syntax, "two requests of the batch have the same Content-ID")
        }
        return requests
    }

    static func isMultipart(_ type: String) -> Bool { type.lowercased().hasPrefix("multipart/mixed") }

    private static func boundary(_ type: String) throws(ODataError) -> String {
        let match = type.firstMatch(of: /(?i);\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))/)
        let text = match.flatMap { $0.1 ?? $0.2 }.map(String.init) ?? ""
        guard (1...70).contains(text.utf8.count) else {
            throw ODataError(.syntax, "multipart/mixed needs a boundary of at most 70 characters")
        }
        return text
    }

    /// The parts between lines with the boundary. A line break before such a line belongs to it.
    private static func parts(
        _ body: ArraySlice<UInt8>, _ type: String
    ) throws(ODataError) -> [ArraySlice<UInt8>] {
        let delimiter = Array("--\(try boundary(type))".utf8)
        let last = delimiter + Array("--".utf8)
        var parts: [ArraySlice<UInt8>] = []
        var start: Int?
        var index = body.startIndex
        while index < body.endIndex {
            let end = body[index...].firstIndex(of: newline) ?? body.endIndex
            if body[index..<end].starts(with: delimiter) {
                var line = body[index..<end]
                while let byte = line.last, [carriageReturn, 0x20, 0x09].contains(byte) { line.removeLast() }
                let isLast = line.elementsEqual(last)
                if isLast || line.elementsEqual(delimiter) {
                    if let start { parts.append(trimmed(body[start..<max(start, index)])) }
                    if isLast { return parts }
                    guard parts.count < ODataLimits.batchRequests else { throw BatchJSON.tooMany }
                    start = min(end + 1, body.endIndex)
                }
            }
            index = min(end + 1, body.endIndex)
        }
        throw ODataError(.syntax, "the batch has no line with the boundary at its end")
    }

    /// Without the line break at the end.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var bytes = bytes
        if bytes.last == newline { bytes.removeLast() }
        if bytes.last == carriageReturn { bytes.removeLast() }
        return bytes
    }

    /// Splits header fields, up to an empty line, from what follows.
    private static func fields(
        _ part: ArraySlice<UInt8>
    ) throws(ODataError) -> (Headers, ArraySlice<UInt8>) {
        var rest = part
        var headers = Headers()
        while let line = try nextLine(&rest), !line.isEmpty {
            guard let colon = line.firstIndex(of: ":"), headers.count < ODataLimits.batchFields else {
                throw ODataError(.syntax, "a part of the batch has a malformed header")
            }
            let name = line[..<colon].lowercased()
            let value = String(line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" })
            guard BatchRequest.isField(name, value) else {
                throw ODataError(.syntax, "a part of the batch has a malformed header")
            }
            headers.add(name, value)
        }
        return (headers, rest)
    }

    /// Removes a line. Nil at the end.
    private static func nextLine(_ rest: inout ArraySlice<UInt8>) throws(ODataError) -> String? {
        guard !rest.isEmpty else { return nil }
        let end = rest.firstIndex(of: newline) ?? rest.endIndex
        var line = rest[..<end]
        if line.last == carriageReturn { line.removeLast() }
        guard line.count <= ODataLimits.batchLineBytes, let text = String(validating: line, as: UTF8.self)
        else { throw ODataError(.syntax, "a line of the batch is too long or not UTF-8") }
        rest = rest[min(end + 1, rest.endIndex)...]
        return text
    }

    private static func request(
        _ part: Headers, _ content: ArraySlice<UInt8>
    ) throws(ODataError) -> BatchRequest {
        guard part["content-type"]?.lowercased().hasPrefix("application/http") == true else {
            throw ODataError(.syntax, "a part of the batch has not the type application/http")
        }
        var rest = content
        var line = try nextLine(&rest)
        while line?.isEmpty == true { line = try nextLine(&rest) }
        guard let line, let match = line.wholeMatch(of: /([A-Za-z]{1,16}) +(\S.*?)(?: +HTTP\/[0-9.]+)?/)
        else { throw ODataError(.syntax, "a part of the batch does not begin with a request") }
        let (headers, body) = try fields(rest)
        var request = BatchRequest(
            id: part["content-id"] ?? headers["content-id"], method: match.1.uppercased(),
            url: String(match.2), headers: headers, body: Array(body))
        if let length = headers["content-length"] {
            guard let count = Int(length), (0...body.count).contains(count) else {
                throw ODataError(.syntax, "a part of the batch is shorter than its Content-Length")
            }
            request.body = Array(body.prefix(count))
        }
        return request
    }

    /// - Parameter boundary: a text that no answer has.
    static func document(_ answers: [BatchAnswer], boundary: String) -> [UInt8] {
        var bytes: [UInt8] = []
        var index = 0
        while index < answers.count {
            bytes += Array("--\(boundary)\r\n".utf8)
            if let group = answers[index].group {
                let end = answers[index...].firstIndex { $0.group != group } ?? answers.count
                let set = answers[index..<end]
                if let failed = set.first(where: { !$0.isSuccess && $0.status != .failedDependency }) {
                    // One answer for the whole change set, whose changes are undone.
                    append(failed, to: &bytes)
                } else {
                    let inner = "\(boundary)_\(index)"
                    bytes += Array("Content-Type: multipart/mixed; boundary=\(inner)\r\n\r\n".utf8)
                    for answer in set {
                        bytes += Array("--\(inner)\r\n".utf8)
                        append(answer, to: &bytes)
                    }
                    bytes += Array("--\(inner)--\r\n".utf8)
                }
                index = end
            } else {
                append(answers[index], to: &bytes)
                index += 1
            }
        }
        bytes += Array("--\(boundary)--\r\n".utf8)
        return bytes
    }

    private static func append(_ answer: BatchAnswer, to bytes: inout [UInt8]) {
        var head = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n"
        if let id = answer.id { head += "Content-ID: \(id)\r\n" }
        head += "\r\nHTTP/1.1 \(answer.status.code) \(answer.status.reason)\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        head += "Content-Length: \(answer.body.count)\r\n\r\n"
        bytes += Array(head.utf8)
        bytes += answer.body
        bytes += Array("\r\n".utf8)
    }
}
