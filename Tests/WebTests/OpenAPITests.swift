import ConnectAPI
import Encoding
import HTTPClient
import HTTPServer
import Support
import TenantAdmin
import Testing

/// The document of the API. The clients of `ConnectRoutesTests` and `ConnectAPITests` compare each answer
/// with it.
@Suite(.tags(.store))
struct OpenAPITests {
    @Test func `the document has every route of the API, and no other`() async throws {
        try await withWebRig { rig in
            let document = try OpenAPIDocument.current.get()
            let routes = rig.routeNames.filter(Self.isOfAPI).map { name in
                name.split(separator: "/", omittingEmptySubsequences: false).map {
                    $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0)
                }.joined(separator: "/")
            }
            #expect(routes.count > 30)
            #expect(Set(routes).subtracting(document.operations).isEmpty)
            #expect(document.operations.subtracting(routes).isEmpty)
        }
    }

    /// Also routes of discovery, which have no common prefix.
    private static func isOfAPI(_ name: String) -> Bool {
        name.contains("/api/v3/") && !name.hasSuffix("/**")
            || ["GET /connections", "POST /auth/:app"].contains(name)
    }

    @Test func `everybody may read the document`() async throws {
        try await withWebRig { rig in
            let answer = try await rig.get("/api/v3/openapi.json")
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"]?.hasPrefix("application/json") == true)
            let served = try JSONValue(parsing: answer.body)
            #expect(served["openapi"]?.string == "3.1.0")
            #expect(served["paths"]?.object?.count ?? 0 > 20)
        }
    }

    @Test func `the comparison finds other members, types and statuses`() throws {
        let document = try OpenAPIDocument.current.get()
        func problems(_ status: Int, _ body: String) -> Int {
            document.problems(
                "GET", "http://x/api/v3/connections/1/errors?a=b", status: status, body: Array(body.utf8)
            ).count
        }
        #expect(problems(200, #"{"count":0,"results":[]}"#) == 0)
        #expect(problems(200, #"{"count":"0","results":[]}"#) == 1)
        #expect(problems(200, #"{"count":0}"#) == 1)
        #expect(problems(200, #"{"count":0,"results":[{"id":"1"}],"more":1}"#) == 5)
        #expect(problems(202, "") == 1)
        #expect(problems(404, #"{"message":"no"}"#) == 0)
        #expect(problems(404, "no") == 1)
        #expect(!document.problems("PUT", "/api/v3/connections", status: 200, body: []).isEmpty)
    }
}
