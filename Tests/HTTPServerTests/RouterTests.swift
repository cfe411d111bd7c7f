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
    text(try await router.respond(to: Request(method, path)))
}

private func text(_ response: Response) -> String {
    guard case .bytes(let bytes) = response.body else { return "\(response.status)" }
    return String(decoding: bytes, as: UTF8.self)
}

/// The problem that the client gets.
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
        ("/%61", "/a"), ("/a?x=/b", "/a"), ("/a/b/c/", "/a/:x/c x=b"), ("/a/q/?x", "/a/:x x=q"),
        ("/files/x/", "/files/** **=x/"),
    ])
    func `the most specific pattern answers`(path: String, expected: String) async throws {
        #expect(try await answer(router(), .get, path) == expected)
    }

    @Test(arguments: ["/b", "/a//", "/a/b/d", "/A", "//a", "/a/b/c//", "//"])
    func `a path without a pattern is not found`(path: String) async throws {
        #expect(try await problem(router(), path)?.status == .notFound)
    }

    @Test(arguments: ["/a/..", "/a/./b", "/files/%2e%2e/etc", "/a/%", "/a/%ff", "/a/%00"])
    func `a path with dot segments or malformed escapes is refused`(path: String) async throws {
        #expect(try await problem(router(), path)?.status == .badRequest)
    }

    @Test func `layers apply to the routes added after them, the first outermost`() async throws {
        var router = Router()
        router.on(.get, "/bare") { _ in .text("bare") }
        router.decorate { $0.headers.add("X", "outer") }
        router.group("/admin") { group in
            group.decorate { $0.headers.add("X", "inner") }
            group.on(.get, "/page") { _ in
                await Task.yield()
                return .text("page")
            }
            group.on(.get, "/now") { _ in .text("now") }
        }
        router.on(.get, "/after") { _ in .text("after") }
        for (path, tags) in [
            ("/bare", []), ("/admin/page", ["inner", "outer"]), ("/admin/now", ["inner", "outer"]),
            ("/after", ["outer"]),
        ] {
            let response = try await router.respond(to: Request(.get, path))
            #expect(response.headers.values("x") == tags)
        }
    }

    @Test(arguments: ["/waiting", "/immediate"])
    func `an error is answered by the innermost layer that knows it, and decorated further out`(
        path: String
    ) async throws {
        struct Known: Error {}
        struct Unknown: Error {}
        func router(throwing error: any Error) -> Router {
            var router = Router()
            router.decorate { $0.headers.add("X", "outer") }
            router.recover { _, request in .text("outer \(request.path)") }
            router.decorate { $0.headers.add("X", "middle") }
            router.recover { error, _ in error is Known ? .text("inner") : nil }
            router.decorate { $0.headers.add("X", "never") }
            router.on(.get, "/waiting") { _ in
                await Task.yield()
                throw error
            }
            router.on(.get, "/immediate") { _ in throw error }
            return router
        }
        let known = try await router(throwing: Known()).respond(to: Request(.get, path))
        #expect(text(known) == "inner")
        #expect(known.headers.values("x") == ["middle", "outer"])
        let unknown = try await router(throwing: Unknown()).respond(to: Request(.get, path))
        #expect(text(unknown) == "outer \(path)")
        #expect(unknown.headers.values("x") == ["outer"])
    }
}
