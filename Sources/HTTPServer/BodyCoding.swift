internal import Compression
internal import HTTPWire

/// The content coding of a request's body (RFC 9110 section 8.4).
enum BodyCoding: Equatable {
    case identity
    case gzip

    /// Nil if the body has another coding, or more than one.
    init?(_ head: RequestHead) {
        guard head.framing != .none else {
            self = .identity
            return
        }
        let codings = head.headers.values("content-encoding").flatMap { $0.split(separator: ",") }
            .map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            .filter { $0 != "identity" && !$0.isEmpty }
        switch (codings.first, codings.count) {
        case (nil, _): self = .identity
        // RFC 9110 section 8.4.1.3: x-gzip is the same.
        case ("gzip", 1), ("x-gzip", 1): self = .gzip
        default: return nil
        }
    }

    /// The answer to a body with another coding (RFC 9110 section 15.5.16).
    static var refusal: Problem {
        Problem(
            .unsupportedMediaType, "The body may have the content coding gzip, and no other.",
            headers: ["Accept-Encoding": "gzip, identity"])
    }
}

extension HeldBody {
    /// Replaces a gzip body by its content. Both count against the limit of the process until it is complete.
    ///
    /// - Parameter maximumBytes: of the content.
    /// - Throws: a `Problem`: 400 for a body that is not gzip, 413 above `maximumBytes`, 503 above the limit
    ///   of the process.
    @inline(never)
    mutating func decompress(maximumBytes: Int, pieceBytes: Int) async throws(Problem) {
        var content = HeldBody(admission)
        do {
            try await content.append(decompressing: bytes, maximumBytes, pieceBytes: pieceBytes)
        } catch {
            content.release()
            throw error
        }
        release()
        self = content
    }

    private mutating func append(
        decompressing packed: [UInt8], _ maximumBytes: Int, pieceBytes: Int
    ) async throws(Problem) {
        let decoder: GzipDecoder
        do { decoder = try GzipDecoder(packed) } catch { throw Self.problem(error) }
        while true {
            let piece: [UInt8]?
            do { piece = try decoder.next(maximumBytes: pieceBytes) } catch { throw Self.problem(error) }
            guard let piece else { return }
            guard bytes.count + piece.count <= maximumBytes else {
                throw Problem(
                    .contentTooLarge,
                    "The body has more than \(maximumBytes) bytes when it is decompressed.")
            }
            try append(piece)
            // A large body must not keep the loop's other connections waiting.
            await Task.yield()
        }
    }

    private static func problem(_ error: CompressionError) -> Problem {
        switch error {
        case .malformed: Problem(.badRequest, "The body is not valid gzip.")
        case .truncated: Problem(.badRequest, "The gzip body ends too early.")
        case .outOfMemory:
            Problem(
                .serviceUnavailable, "The body could not be decompressed. Try again.",
                headers: ["Retry-After": "1"])
        }
    }
}
