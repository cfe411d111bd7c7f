import HTTPServer
import HTTPWire
import Testing

private func router() -> Router {
    var router = Router()
    for pattern in ["/", "/a", "/a/", "/a/:x", "/a/b", "/a/:x/c", "/a/b/d/:y", "/files/**", "/a/:z/e/**"] {
        router.on(.get, pattern) { request in
            let names = ["x", "y", "z", "**"]
            let values = names.compactMap { name in request.parameters[name].map { "\(name)=\($0)" } }
            return .text(([pattern] + values).joined(separator: " "))
        }
    }
    return router
}

private func answer(_ router: Router, _ method: HTTPWire.Method, _ path: String) async throws -> String {
    let response = try await router.respond(to: Request(method, path))
    guard case .bytes(let bytes) = response.body else { return "\(response.status)" }
    return String(decoding: bytes, as: UTF8.self)
}

/// What the client is told instead of an answer.
private func problem(_ router: Router, _ path: String) async throws -> Problem? {
    let request = try Request(.get, path)
    do {
        _ = try await router.respond(to: request)
        return nil
    } catch let problem as Problem {
        return problem
    }
}

struct RouterTests {
    @Test(arguments: [
        ("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/b", "/a/b"), ("/a/q", "/a/:x x=q"),
        ("/a/b/c", "/a/:x/c x=b"), ("/a/b/d/e", "/a/b/d/:y y=e"), ("/a/b/e/f/g", "/a/:z/e/** z=b **=f/g"),
        ("/files/x", "/files/** **=x"), ("/files/x/y%20z", "/files/** **=x/y z"),
        ("/a/%C3%A9%2Fx", "/a/:x x=é/x"),
        ("/%61", "/a"), ("/a?x=/b", "/a"),
    ])
    func `the most specific pattern answers`(path: String, expected: String) async throws {
        #expect(try await answer(router(), .get, path) == expected)
    }

    @Test(arguments: ["/b", "/a//", "/a/b/d", "/A", "//a", "/a/b/c/"])
    func `a path without a pattern is not found`(path: String) async throws {
        #expect(try await problem(router(), path)?.status == .notFound)
    }

    @Test(arguments: ["/a/..", "/a/./b", "/files/%2e%2e/etc", "/a/%", "/a/%ff", "/a/%00"])
    func `a path that plays tricks is refused`(path: String) async throws {
        #expect(try await problem(router(), path)?.status == .badRequest)
    }

    @Test func `middleware goes around the routes added after it, the first outermost`() async throws {
        var router = Router()
        router.on(.get, "/bare") { _ in .text("bare") }
        @Sendable func tag(_ name: String) -> Middleware {
            { request, next in
                var response = try await next(request)
                response.headers.add("X", name)
                return response
            }
        }
        router.use(tag("outer"))
        router.group("/admin") { group in
            group.use(tag("inner"))
            group.on(.get, "/page") { _ in .text("page") }
            group.use { _, _ in throw Problem(.forbidden) }
            group.on(.get, "/closed") { _ in .text("never") }
        }
        router.on(.get, "/after") { _ in .text("after") }
        for (path, tags) in [("/bare", []), ("/admin/page", ["inner", "outer"]), ("/after", ["outer"])] {
            let response = try await router.respond(to: Request(.get, path))
            #expect(response.headers.values("x") == tags)
        }
        #expect(try await problem(router, "/admin/closed")?.status == .forbidden)
    }
}
