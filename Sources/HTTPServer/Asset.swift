internal import HTTPWire

/// A file that is served from memory, with an ETag so that browsers ask only whether it changed.
package struct Asset: Sendable {
    private let bytes: [UInt8]
    private let contentType: String
    private let entityTag: String
    private let cacheControl: String

    /// - Parameters:
    ///   - contentType: for instance `text/css; charset=utf-8`.
    ///   - maximumAgeSeconds: how long browsers need not even ask.
    package init(_ bytes: [UInt8], contentType: String, maximumAgeSeconds: Int = 0) {
        self.bytes = bytes
        self.contentType = contentType
        entityTag = "\"\(String(Self.fingerprint(bytes), radix: 16))-\(String(bytes.count, radix: 16))\""
        cacheControl = maximumAgeSeconds > 0 ? "public, max-age=\(maximumAgeSeconds)" : "no-cache"
    }

    /// The file, or 304 when the client has it already.
    package func response(to request: Request) -> Response {
        let headers: Headers = [
            "ETag": entityTag, "Cache-Control": cacheControl, "X-Content-Type-Options": "nosniff",
        ]
        var response = Response(headers: headers)
        if isKnown(to: request) {
            response.status = .notModified
        } else {
            response.headers.add("Content-Type", contentType)
            response.body = .bytes(bytes)
        }
        return response
    }

    /// RFC 9110 section 13.1.2: weak comparison, or `*`.
    private func isKnown(to request: Request) -> Bool {
        request.headers.values("if-none-match").flatMap { $0.split(separator: ",") }.contains { entry in
            let tag = entry.filter { $0 != " " && $0 != "\t" }
            return tag == "*" || tag == entityTag || tag == "W/" + entityTag
        }
    }

    /// FNV-1a: tells versions of our own files apart, which needs no cryptography.
    private static func fingerprint(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}

extension Router {
    /// Serves `asset` at `path`.
    package mutating func asset(_ path: String, _ asset: Asset) {
        on(.get, path) { request in asset.response(to: request) }
    }
}
