package import HTTPWire

/// Chunked bodies for each rule of RFC 9112 section 7.1, with their verdicts.
package enum ChunkedVectors {
    package static let wellFormed: [(text: String, body: String)] = [
        ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"), ("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("003\r\nabc\r\n000\r\n\r\n", "abc"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc"), ("3;a=\"x y\";b\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3 ; a = b\r\nabc\r\n0\r\n\r\n", "abc"), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ]

    /// A body, and its trailer fields as `name=value`.
    package static let withTrailers: [(text: String, trailers: [String])] = [
        ("1\r\nx\r\n0\r\nA: 1\r\nB:2 \r\n\r\n", ["A=1", "B=2"]),
        // Too late for any decision: trailers are separate from header fields.
        ("0\r\nContent-Length: 5\r\nHost: b\r\n\r\n", ["Content-Length=5", "Host=b"]),
    ]

    package static let incomplete = [
        "", "3", "3\r", "3\r\nab", "3\r\nabc\r\n", "3\r\nabc\r\n0\r\n", "0\r\nA: 1\r\n",
        "fffffffffffffff\r\nabc",
    ]

    package static let broken = [
        "\r\n", "g\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "0x1\r\n", "1\n", "1\r1", "1 \r\n", "1 2\r\n",
        ";a\r\n", "3\r\nabcd", "3\r\nabc\n", "3\r\nabc\r\r", "1;a\u{0}b\r\n", "1;a\nb\r\n", "1;a\rb\r\n",
        "0000000000000001\r\n", "ffffffffffffffff\r\n", "1\u{0}\r\n", "1_0\r\n", "\u{661}\r\n",
    ]

    package static let brokenTrailers: [(text: String, code: HTTPWireError.Code)] = [
        ("0\r\nA : 1\r\n", .fieldName), ("0\r\nA: 1\n", .bareLineFeed), ("0\r\n folded\r\n", .fieldName),
        ("0\r\nA: \u{1}\r\n", .fieldValue), ("0\r\n\n", .bareLineFeed), ("0\r\n: 1\r\n", .fieldName),
    ]

    /// All vectors as bytes.
    package static let all: [[UInt8]] =
        (wellFormed.map(\.text) + withTrailers.map(\.text) + incomplete + broken
        + brokenTrailers.map(\.text)).map { Array($0.utf8) }
}
