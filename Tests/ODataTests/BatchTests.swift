import Encoding
import HTTPWire
import Testing

@testable import OData

/// Batches as they are sent.
struct BatchTests {
    private func multipart(_ text: String, boundary: String = "b") throws -> [BatchRequest] {
        try BatchMultipart.requests(
            Array(text.replacing("\n", with: "\r\n").utf8), type: "multipart/mixed; boundary=\(boundary)")
    }

    private let sample = """
        a preamble
        --b
        Content-Type: application/http
        Content-Transfer-Encoding: binary

        GET salesforce$place?$filter=name eq 'a b' HTTP/1.1
        Accept: application/json


        --b
        Content-Type: multipart/mixed; boundary="c d"

        --c d
        Content-Type: application/http
        Content-ID: 1

        POST salesforce$place HTTP/1.1
        Content-Type: application/json
        Content-Length: 14

        {"name":"--b"}
        --c d
        Content-Type: application/http
        Content-ID: 2

        PATCH $1 HTTP/1.1
        Content-Type: application/json

        {"kind":"x"}
        --c d--
        --b
        Content-Type: application/http

        DELETE /odata/v4/x/salesforce$place(1) HTTP/1.1
        --b--
        an epilogue
        """

    @Test(arguments: ["\r\n", "\n"]) func `parts, change sets and ids are read`(newline: String) throws {
        let body = Array(sample.replacing("\n", with: newline).utf8)
        let requests = try BatchMultipart.requests(body, type: "Multipart/Mixed;boundary=b;charset=utf-8")
        #expect(requests.map(\.method) == ["GET", "POST", "PATCH", "DELETE"])
        #expect(requests.map(\.group) == [nil, "changes 1", "changes 1", nil])
        #expect(requests.map(\.id) == [nil, "1", "2", nil])
        #expect(requests[0].url == "salesforce$place?$filter=name eq 'a b'")
        #expect(requests[0].headers["accept"] == "application/json")
        #expect(requests[1].body == Array(#"{"name":"--b"}"#.utf8))
        #expect(requests[2].body == Array(#"{"kind":"x"}"#.utf8) && requests[2].url == "$1")
        #expect(requests[3].body.isEmpty)
        #expect(try BatchRequest.units(requests).map(\.count) == [1, 2, 1])
    }

    @Test func `a batch that is cut off anywhere is refused`() throws {
        let body = Array(sample.replacing("\n", with: "\r\n").utf8)
        let end = body.count - "\r\nan epilogue".utf8.count
        for count in 0..<(end - 2) {
            #expect(throws: ODataError.self, "\(count)") {
                try BatchMultipart.requests(Array(body[..<count]), type: "multipart/mixed; boundary=b")
            }
        }
    }

    @Test(arguments: [
        "--b\nContent-Type: text/plain\n\nGET x HTTP/1.1\n--b--",
        "--b\nContent-Type: application/http\n\n\n--b--",
        "--b\nContent-Type: application/http\n\nGET\n--b--",
        "--b\nno header\n\nGET x HTTP/1.1\n--b--",
        "--b\nContent-Type: application/http\n\nGET x HTTP/1.1\nA: \u{1}\n--b--",
        "--b\nContent-Type: application/http\n\nPOST x HTTP/1.1\nContent-Length: 9\n\n{}\n--b--",
        "--b\nContent-Type: application/http\n\nPOST x HTTP/1.1\nContent-Length: -1\n\n{}\n--b--",
        "--b\nContent-Type: multipart/mixed\n\n--b--",
        """
        --b
        Content-Type: multipart/mixed; boundary=c

        --c
        Content-Type: application/http

        GET x HTTP/1.1
        --c--
        --b--
        """,
        """
        --b
        Content-Type: multipart/mixed; boundary=c

        --c
        Content-Type: multipart/mixed; boundary=d

        --d--
        --c--
        --b--
        """,
        """
        --b
        Content-Type: application/http
        Content-ID: 1

        GET x HTTP/1.1
        --b
        Content-Type: application/http
        Content-ID: 1

        GET x HTTP/1.1
        --b--
        """,
    ])
    func `a malformed batch is refused`(text: String) {
        let error = #expect(throws: ODataError.self) { try multipart(text) }
        #expect(error?.code == .syntax)
    }

    @Test func `boundaries have 1 to 70 characters`() throws {
        for (boundary, isValid) in [("", false), ("b", true), (String(repeating: "b", count: 71), false)] {
            let text = "--\(boundary)--"
            if isValid {
                #expect(try multipart(text, boundary: boundary).isEmpty)
            } else {
                #expect(throws: ODataError.self) { try multipart(text, boundary: boundary) }
            }
        }
    }

    @Test func `more than 100 requests and endless lines are refused`() throws {
        let part = "--b\nContent-Type: application/http\n\nGET x HTTP/1.1\n"
        #expect(try multipart(String(repeating: part, count: 100) + "--b--").count == 100)
        let many = #expect(throws: ODataError.self) {
            try multipart(String(repeating: part, count: 101) + "--b--")
        }
        #expect(many?.code == .tooLarge)
        let long = String(repeating: "x", count: ODataLimits.batchLineBytes)
        #expect(throws: ODataError.self) {
            try multipart("--b\nContent-Type: application/http\n\nGET \(long) HTTP/1.1\n--b--")
        }
        let fields = (0...ODataLimits.batchFields).map { "A\($0): b\n" }.joined()
        #expect(throws: ODataError.self) {
            try multipart("--b\nContent-Type: application/http\n\nGET x HTTP/1.1\n\(fields)\n--b--")
        }
    }

    private func json(_ text: String) throws -> [BatchRequest] { try BatchJSON.requests(Array(text.utf8)) }

    @Test func `requests of JSON are read`() throws {
        let requests = try json(
            """
            {"requests":[
              {"id":"1","method":"get","url":"salesforce$place(1)","headers":{"Accept":"application/json"}},
              {"id":"2","method":"POST","url":"salesforce$place","atomicityGroup":"g","dependsOn":["1"],
               "body":{"name":"é","weight":1.50}},
              {"id":"3","method":"DELETE","url":"$2","atomicityGroup":"g","body":null}]}
            """)
        #expect(requests.map(\.method) == ["GET", "POST", "DELETE"])
        #expect(requests.map(\.group) == [nil, "g", "g"])
        #expect(requests[1].dependencies == ["1"])
        #expect(String(decoding: requests[1].body, as: UTF8.self) == #"{"name":"é","weight":1.50}"#)
        #expect(requests[1].headers["content-type"] == "application/json")
        #expect(requests[0].headers["accept"] == "application/json" && requests[2].body.isEmpty)
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"requests":1}"#, #"{"requests":[{"method":"GET","url":"x"}]}"#,
        #"{"requests":[{"id":"1","url":"x"}]}"#, #"{"requests":[{"id":"1","method":"GET"}]}"#,
        #"{"requests":[{"id":"1","method":"GET","url":"x"},{"id":"1","method":"GET","url":"x"}]}"#,
        #"{"requests":[{"id":"1","method":"GET","url":"x","headers":{"a":1}}]}"#,
        #"{"requests":[{"id":"1","method":"GET","url":"x","headers":{"a":"b\r\nc: d"}}]}"#,
        #"{"requests":[{"id":"1","method":"GET","url":"x","dependsOn":[1]}]}"#,
        #"{"requests":[{"id":"1","method":"GET","url":"x","if":"$2"}]}"#,
    ])
    func `malformed JSON batches are refused`(text: String) {
        #expect(throws: ODataError.self) { try json(text) }
    }

    @Test func `a group whose requests are not neighbours is refused`() throws {
        let requests = ["g", nil, "g"].map { BatchRequest(id: nil, group: $0, method: "GET", url: "x") }
        #expect(throws: ODataError.self) { try BatchRequest.units(requests) }
    }

    @Test func `characters that a target cannot have are encoded, and others stay`() {
        #expect(
            BatchRequest.encoded("a?$filter=b eq 'c d'&x=%20é") == "a?$filter=b%20eq%20'c%20d'&x=%20%C3%A9")
    }
}
