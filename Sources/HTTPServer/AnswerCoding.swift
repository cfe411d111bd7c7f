internal import Compression
internal import HTTPWire
internal import Reactor

/// Which answers are compressed.
enum AnswerCoding {
    /// Smaller bodies fit into one or two packets.
    static let minimumBytes = 2_048
    /// Larger bodies are compressed on a thread of their own, so that the loop serves other connections.
    static let loopBytes = 32_768

    /// Whether a request asks for gzip. Requests that a browser sends for another site get plain answers: its
    /// script could choose a part of the answer and learn the rest from the compressed size (BREACH).
    static func wantsGzip(_ request: Request) -> Bool {
        let site = request.headers["sec-fetch-site"] ?? "none"
        guard ["none", "same-origin"].contains(site), !request.headers.contains("origin") else {
            return false
        }
        return Preference.acceptsGzip(request.headers)
    }
}

extension Response {
    /// The answer with a gzip body, if the body is large and the client accepts it.
    ///
    /// Only for programs, with credentials that no browser adds by itself, or without secrets beside text of
    /// the requester. Pages are never compressed.
    package func compressed(for request: Request) async -> Response {
        guard case .bytes(let bytes) = body, bytes.count >= AnswerCoding.minimumBytes,
            !headers.contains("content-encoding")
        else { return self }
        var answer = self
        answer.headers.add("Vary", "Accept-Encoding")
        guard AnswerCoding.wantsGzip(request) else { return answer }
        let packed =
            bytes.count <= AnswerCoding.loopBytes
            ? try? GzipEncoder.encode(bytes)
            : try? await BlockingPool.shared.run { try GzipEncoder.encode(bytes) }
        // Without memory or a thread the answer stays plain.
        guard let packed, packed.count < bytes.count else { return answer }
        answer.body = .bytes(packed)
        answer.headers.add("Content-Encoding", "gzip")
        return answer
    }
}
