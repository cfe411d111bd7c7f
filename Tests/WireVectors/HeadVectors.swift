package import HTTPWire

/// Request heads for each rule of RFC 9112 and RFC 9110, with their verdicts: the tables of the parser's
/// tests and the seeds of the fuzzer.
package enum HeadVectors {
    private static let host = "Host: a\r\n"

    /// A head, its line as in `HeadVerdict`, and its fields.
    package static let wellFormed: [(text: String, line: String, fields: String)] = [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 none", "Host=a"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 none", ""),
        ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET / 1.1 none", "Host=a"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 none", "Host=a"),
        (
            "GET /a?b=c HTTP/1.1\r\nhOsT:a:80\r\nX:\r\nX: \t \r\n\r\n", "GET /a?b=c 1.1 none",
            "hOsT=a:80,X=,X="
        ),
        ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS * 1.1 none", "Host="),
        ("FOO-1 / HTTP/1.1\r\nHost: a\r\n\r\n", "FOO-1 / 1.1 none", "Host=a"),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "CONNECT a:80 1.1 none", "Host=a:80"),
        ("GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b/c 1.1 none", "Host=a"),
        ("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / 1.1 none", "Host=[::1]:80"),
        // A registered name may contain a comma (RFC 3986 section 3.2.2).
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", "GET / 1.1 none", "Host=a,b"),
        ("GET / HTTP/1.1\r\nHost: b%C3%A9.example:\r\n\r\n", "GET / 1.1 none", "Host=b%C3%A9.example:"),
        ("GET / HTTP/1.1\r\nHost: 192.0.2.1:8080\r\n\r\n", "GET / 1.1 none", "Host=192.0.2.1:8080"),
        (
            "GET http://[2001:db8::192.0.2.1]:80/c HTTP/1.1\r\nHost: [v1.a:b]\r\n\r\n",
            "GET http://[2001:db8::192.0.2.1]:80/c 1.1 none", "Host=[v1.a:b]"
        ),
        (
            "GET / HTTP/1.1\r\nHost: [1:2:3:4:5:6:7:8]\r\n\r\n", "GET / 1.1 none",
            "Host=[1:2:3:4:5:6:7:8]"
        ),
        ("GET / HTTP/1.1\r\nHost: [1:2:3:4:5:6:7::]\r\n\r\n", "GET / 1.1 none", "Host=[1:2:3:4:5:6:7::]"),
        ("GET / HTTP/1.1\r\nHost: [::]\r\n\r\n", "GET / 1.1 none", "Host=[::]"),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", "PUT / 1.1 length(12)",
            "Host=a,Content-Length=12"
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 007\r\n\r\n", "PUT / 1.1 length(7)",
            "Host=a,Content-Length=007"
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "PUT / 1.1 none",
            "Host=a,Content-Length=0"
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "PUT / 1.1 chunked",
            "Host=a,Transfer-Encoding=Chunked"
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-Continue\r\n\r\n",
            "POST / 1.1 chunked", "Host=a,Transfer-Encoding=chunked,Expect=100-Continue"
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: x\u{e9}\ty z \t\r\n\r\n", "GET / 1.1 none",
            "Host=a,A=x\u{e9}\ty z"
        ),
        // A length beyond any integer counts as the largest: it exceeds every limit.
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
            "POST / 1.1 length(\(Int.max))", "Host=a,Content-Length=99999999999999999999"
        ),
    ]

    /// A line that ends with LF alone.
    package static let bareLineFeeds = [
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "\nGET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
    ]

    package static let malformedRequestLines = [
        "GET  / HTTP/1.1\r\n", "GET /  HTTP/1.1\r\n", " GET / HTTP/1.1\r\n", "GET / HTTP/1.1 \r\n",
        "GET /\r\n", "GET\r\n", "GET / http/1.1\r\n", "GET / HTTP/1\r\n", "GET / HTTP/11\r\n",
        "GET / HTTP/1.10\r\n", "GET / HTTP/a.1\r\n", "GET\t/ HTTP/1.1\r\n", "G\u{0}T / HTTP/1.1\r\n",
        "G(T / HTTP/1.1\r\n", "GET /\u{7f} HTTP/1.1\r\n", "GET /\u{1} HTTP/1.1\r\n",
        "GET /a#b HTTP/1.1\r\n", "GET /é HTTP/1.1\r\n", "GET / HTTP/1.1\r\r\n", "GET /\rHTTP/1.1\r\n",
        "\u{16}\u{3}\u{1}\u{2}", "\r\n\r\nGET / HTTP/1.1\r\n", "GET * HTTP/1.0\r\n\r\n",
        "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT :80 HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    /// Texts that are not `host[:port]` (RFC 3986 section 3.2).
    package static let impossibleAuthorities = [
        "a:b", "a:80x", "a:-1", "a:+80", "a:80:80", ":80", "a:80,", "a%", "a%4", "a%4g", "a%g4", "[::1",
        "::1]",
        "::1", "[]", "[a]", "[::1]80", "[::1]:x", "[[::1]]", "a[::1]", "[:::]", "[1::2::3]",
        "[1:2:3:4:5:6:7]",
        "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[12345::]", "[::1%25eth0]", "[1:]", "[:1]", "[g::]",
        "[::256.0.0.1]", "[::1.2.3]", "[::1.2.3.4.5]", "[::01.2.3.4]", "[v.a]", "[v1.]", "[v1a]", "[::1]]",
    ]

    /// Targets with none of the four forms of RFC 9112 section 3.2.
    package static let impossibleTargets =
        [
            "a", "a/b", "ftp://a/", "http:///x", "http://", "http://a b/", "http://u@h/", "*",
        ] + impossibleAuthorities.map { "http://\($0)/" }

    package static let otherVersions = ["HTTP/2.0", "HTTP/0.9", "HTTP/9.9"]

    package static let malformedNames = [
        "X : 1", ": 1", "X", "X\t: 1", "X Y: 1", "X\u{0}: 1", "X\u{7f}: 1", "(X): 1", "é: 1", "\u{b}X: 1",
        "Content-Length : 5", "Transfer-Encoding\t: chunked", "\u{1b}: 1", "\"X\": 1",
    ]

    package static let controlCharacters = [
        "X: a\u{0}b", "X: \u{1}", "X: a\u{7f}", "X: a\rb", "X: \u{1b}[31m", "X: a\r", "X: \u{8}",
        "Transfer-Encoding: \u{b}chunked",
    ]

    /// obs-fold (RFC 9112 section 5.2), and a field that begins with a blank.
    package static let folds = ["X: a\r\n b", "X: a\r\n\tb", " X: a"]

    /// Host fields that are missing, repeated or invalid (RFC 9112 section 3.2).
    package static let impossibleHosts =
        [
            "", "Host: a\r\nHost: a\r\n", "Host: a\r\nhost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n",
            "Host: a@b\r\n", "Host: é\r\n",
        ] + impossibleAuthorities.map { "Host: \($0)\r\n" }

    /// Fields that make the end of the body ambiguous (RFC 9112 sections 6.1 to 6.3), or with an unknown
    /// expectation.
    package static let doubtful: [(fields: String, code: HTTPWireError.Code)] = [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", .contentLength),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", .contentLength),
        ("Content-Length: 5, 5\r\n", .contentLength), ("Content-Length: +5\r\n", .contentLength),
        ("Content-Length: -5\r\n", .contentLength), ("Content-Length: 0x5\r\n", .contentLength),
        ("Content-Length: 5 5\r\n", .contentLength), ("Content-Length:\r\n", .contentLength),
        ("Content-Length: 5;\r\n", .contentLength), ("Content-Length: \u{661}\r\n", .contentLength),
        ("Content-Length : 5\r\n", .fieldName),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", .ambiguousFraming),
        ("Transfer-Encoding: gzip, chunked\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: gzip\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: identity\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: xchunked\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: \"chunked\"\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: chunked;a=b\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: chunked, gzip\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", .transferEncoding),
        ("Transfer-Encoding:\r\n", .transferEncoding), ("Transfer-Encoding: ,chunked\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked,\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n", .transferEncoding),
        ("Expect: 200-ok\r\n", .expectation), ("Expect: 100-continue, x\r\n", .expectation),
    ]

    /// A head with this request line, otherwise well-formed.
    package static func head(target: String) -> String { "GET \(target) HTTP/1.1\r\n\(host)\r\n" }
    package static func head(version: String) -> String { "GET / \(version)\r\n\(host)\r\n" }
    /// A head with this field line, otherwise well-formed.
    package static func head(line: String) -> String { "GET / HTTP/1.1\r\n\(host)\(line)\r\n\r\n" }
    /// A head with only these fields.
    package static func head(onlyFields fields: String) -> String { "GET / HTTP/1.1\r\n\(fields)\r\n" }
    /// A head with Host and these fields.
    package static func head(fields: String) -> String { "POST / HTTP/1.1\r\n\(host)\(fields)\r\n" }

    /// All vectors as bytes.
    package static let all: [[UInt8]] =
        (wellFormed.map(\.text) + bareLineFeeds + malformedRequestLines
        + impossibleTargets.map(head(target:)) + otherVersions.map(head(version:))
        + (malformedNames + controlCharacters + folds).map(head(line:))
        + impossibleHosts.map(head(onlyFields:)) + doubtful.map { head(fields: $0.fields) })
        .map { Array($0.utf8) }
}
