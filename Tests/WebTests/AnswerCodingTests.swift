import Compression
import Encoding
import Foundation
import HTTPClient
import Postgres
import Support
import Testing

/// Answers in gzip.
@Suite(.tags(.store))
struct AnswerCodingTests {
    private func unpacked(_ answer: ClientResponse) throws -> [UInt8] {
        #expect(answer.headers["content-encoding"] == "gzip")
        let decoder = try GzipDecoder(answer.body)
        var bytes: [UInt8] = []
        while let piece = try decoder.next(maximumBytes: 1 << 20) { bytes += piece }
        return bytes
    }

    @Test func `a large answer of an external object is gzip for a client that accepts it`() async throws {
        try await withODataService { odata in
            let set = odata.root + "salesforce$place"
            let plain = try await odata.send("GET", set)
            #expect(plain.headers["content-encoding"] == nil && plain.headers["vary"] == "Accept-Encoding")
            #expect(plain.body.count > 2_048)
            let packed = try await odata.send("GET", set, "", [("Accept-Encoding", "deflate, gzip;q=0.5")])
            #expect(packed.headers["vary"] == "Accept-Encoding" && packed.body.count < plain.body.count / 2)
            #expect(try unpacked(packed) == plain.body)
            // Above the size that is compressed on the loop.
            _ = try await odata.rig.pool.execute(
                """
                update \(identifier: OperatorBrowser.schema, "place")
                set kind = (select string_agg(md5(n::text), '') from generate_series(1, 100) n)
                """)
            let large = try await odata.send("GET", set, "", [("Accept-Encoding", "gzip")])
            let value = try JSONValue(parsing: try unpacked(large))["value"]?.array
            #expect(value?.count == 30 && value?.first?["kind"]?.string?.count == 3_200)
        }
    }

    @Test func `small answers are plain, and answers to browsers that act for another site are too`()
        async throws
    {
        try await withODataService { odata in
            let set = odata.root + "salesforce$place"
            let one = try await odata.send("GET", set + "(1)", "", [("Accept-Encoding", "gzip")])
            #expect(one.status == 200 && one.headers["content-encoding"] == nil)
            #expect(one.headers["vary"] == nil)
            for coding in ["", "identity", "gzip;q=0, *", "br"] {
                let answer = try await odata.send("GET", set, "", [("Accept-Encoding", coding)])
                #expect(answer.headers["content-encoding"] == nil, "\(coding)")
            }
            for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://x.example")] {
                let answer = try await odata.send(
                    "GET", set, "", [("Accept-Encoding", "gzip"), (name, value)])
                #expect(answer.status == 200 && answer.headers["content-encoding"] == nil, "\(name)")
            }
        }
    }

    @Test func `the description of the API is gzip, and pages are not`() async throws {
        try await withWebRig { rig in
            let headers = [(name: "Accept-Encoding", value: "gzip")]
            let plain = try await rig.get("/api/v3/openapi.json")
            #expect(try unpacked(try await rig.get("/api/v3/openapi.json", headers)) == plain.body)
            for page in ["/", "/authenticate", "/style.css", "/dashboard/login"] {
                #expect(try await rig.get(page, headers).headers["content-encoding"] == nil, "\(page)")
            }
        }
    }
}
