internal import Encoding
internal import HTTPServer
internal import HTTPWire
internal import Reactor

/// Turns a reply into a response of the HTTP server. Slow work runs on the blocking pool.
struct ReplyWriter: Sendable {
    let reply: Reply
    let cache: BulkResultCache
    let takesGzip: Bool

    /// Rows of a table that are written at once.
    private static let stride = 256

    /// Breaks the connection, as a fault demands.
    private struct Dropped: Error {}

    func response() async throws -> Response {
        if reply.delayMilliseconds > 0 {
            try await EventLoop.current.sleep(for: .milliseconds(reply.delayMilliseconds))
        }
        if reply.isLost {
            // A stream without a first piece: not even a head is sent.
            return Response(status: .ok, body: .stream(length: 1) { _ in throw Dropped() })
        }
        var response = Response(status: Status(reply.status))
        for (name, value) in reply.headers { response.headers.add(name, value) }
        let pieces: Pieces
        switch reply.body {
        case .bytes(let bytes):
            pieces = Pieces(reply.truncatesAfterBytes.map { Array(bytes.prefix($0)) } ?? bytes)
        // The caller has waited.
        case .wait: pieces = Pieces([])
        case .results(let result, let rows): pieces = try await page(result, rows)
        case .checksums(let table, let fields):
            response.headers.add("Content-Type", "application/json;charset=UTF-8")
            pieces = Pieces(try await checksums(table, fields).encoded)
        case .rows(let table):
            response.headers.add("Content-Type", "application/x-ndjson;charset=UTF-8")
            response.body = .stream(length: nil) { try await Self.write(table, to: $0) }
            return response
        }
        if takesGzip, pieces.count > 0 { response.headers.add("Content-Encoding", "gzip") }
        response.body = body(pieces)
        return response
    }

    private func body(_ pieces: Pieces) -> Response.Body {
        if let limit = reply.dropAfterBytes {
            let length = pieces.count
            return .stream(length: max(length, limit + 1)) { writer in
                try await pieces.write(to: writer, atMost: limit)
                throw Dropped()
            }
        }
        let takesGzip = takesGzip && pieces.count > 0
        if case .whole(let bytes) = pieces { return .bytes(takesGzip ? GzipFrame.body(bytes) : bytes) }
        return .stream(length: takesGzip ? GzipFrame.length(pieces: pieces.lengths) : pieces.count) {
            writer in
            if takesGzip {
                try await pieces.writeGzip(to: writer)
            } else {
                try await pieces.write(to: writer, atMost: .max)
            }
        }
    }

    /// The header line and the blocks of a page. Renders blocks that are not in the cache.
    private func page(_ result: RenderedResult, _ rows: Range<Int>) async throws -> Pieces {
        var slices: [ArraySlice<UInt8>] = [result.header[...]]
        for (number, rows) in result.pieces(rows) {
            let cache = cache
            let block =
                result.has(number)
                ? result.block(number)
                : try await BlockingPool.shared.run { cache.block(number, of: result) }
            slices.append(block.slice(rows))
        }
        return .sliced(slices)
    }

    private func checksums(_ table: Table, _ fields: [String]?) async throws -> JSONText {
        try await BlockingPool.shared.run {
            var checksums = TableChecksums(table, fields: fields)
            checksums.add(0..<table.rowCount)
            return checksums.document
        }
    }

    /// All live rows, one JSON object per line, with values as in checksums.
    private static func write(_ table: Table, to writer: BodyWriter) async throws {
        for start in Swift.stride(from: 0, to: table.rowCount, by: stride) {
            var bytes: [UInt8] = []
            for row in start..<min(start + stride, table.rowCount) where !table.isDeleted(row) {
                let members = table.schema.fields.enumerated().filter { $1.type != .address && !$1.isRemoved }
                    .map {
                        place, field in
                        (
                            field.name == "Id" ? "sfid" : field.name.lowercased(),
                            JSONText.optional(CanonicalText.text(table.value(row, place)))
                        )
                    }
                JSONText.object(members).append(to: &bytes)
                bytes.append(0x0A)
            }
            try await writer.write(bytes)
        }
    }
}
