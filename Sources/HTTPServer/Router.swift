internal import Encoding
package import HTTPWire

/// Finds the handler for a method and a path.
///
/// Patterns are literal segments, `:name` for one segment, and a final `**` for one or more remaining
/// segments. If several patterns match, a literal segment wins over `:name`, and `:name` over `**`, segment
/// by segment. A path with a trailing slash also finds the route without it. GET routes answer HEAD. OPTIONS
/// is answered for every known path.
package struct Router: Sendable {
    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var parameter: Int?
        var rest: Int?
        /// There are few, so a linear search is faster than hashing.
        var routes: [(method: HTTPWire.Method, route: Route)] = []

        func route(for method: HTTPWire.Method) -> Route? {
            for candidate in routes where candidate.method == method { return candidate.route }
            return method == .head ? route(for: .get) : nil
        }
    }

    /// The result of a look-up.
    enum Match: Sendable {
        case found(Route, PathParameters)
        /// The path exists for other methods: their names for Allow, and the route of one of them, whose
        /// layers answer.
        case otherMethods(String, Route)
        case nothing
    }

    private var nodes = [Node()]
    /// Nodes of patterns without parameters by their whole path. Most requests find their route here.
    private var exact: [String: Int] = [:]
    private var layers: [Route.Layer] = []
    private var prefix = ""
    /// For tests: all routes, as `GET /organizations/:id`.
    package private(set) var routeNames: [String] = []

    package init() {}

    /// Answers `method` requests for `pattern` with `handler`, inside the layers given so far.
    ///
    /// - Parameters:
    ///   - maximumBodyBytes: instead of the server's limit.
    ///   - gate: checks requests before their body is read.
    package mutating func on(
        _ method: HTTPWire.Method, _ pattern: String, maximumBodyBytes: Int? = nil, gate: Gate? = nil,
        _ handler: @escaping Handler
    ) {
        add(method, pattern, .waiting(handler), gate, maximumBodyBytes)
    }

    /// Answers `method` requests for `pattern` with a handler that never suspends. The compiler selects this
    /// overload for a closure without `await`.
    package mutating func on(
        _ method: HTTPWire.Method, _ pattern: String, _ handler: @escaping ImmediateHandler
    ) {
        add(method, pattern, .immediate(handler), nil, nil)
    }

    private mutating func add(
        _ method: HTTPWire.Method, _ pattern: String, _ action: Route.Action, _ gate: Gate?,
        _ maximumBodyBytes: Int?
    ) {
        let pattern = prefix + pattern
        precondition(pattern.hasPrefix("/"), "a pattern begins with a slash: \(pattern)")
        var names: [String] = []
        var node = 0
        let segments = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, segment) in segments.enumerated() {
            precondition(segment != "**" || index == segments.count - 1, "`**` ends a pattern: \(pattern)")
            node = child(of: node, for: segment, &names)
        }
        if names.isEmpty { exact[pattern] = node }
        let isFree = !nodes[node].routes.contains { $0.method == method }
        precondition(isFree, "\(method) \(pattern) has two handlers")
        let route = Route(
            action: action, gate: gate, layers: layers.reversed(), parameterNames: names,
            maximumBodyBytes: maximumBodyBytes, takesBody: method != .get && method != .head)
        nodes[node].routes.append((method, route))
        routeNames.append("\(method.name) \(pattern)")
    }

    /// Passes the responses of later routes through `change`, after the inner layers.
    package mutating func decorate(_ change: @escaping @Sendable (inout Response) -> Void) {
        layers.append(.decorate(change))
    }

    /// Turns errors of later routes into responses. Nil leaves the error to the outer layers.
    package mutating func recover(_ answer: @escaping @Sendable (any Error, Request) -> Response?) {
        layers.append(.recover(answer))
    }

    /// Adds routes under a common prefix. Layers given inside apply only there.
    package mutating func group(_ prefix: String, _ build: (inout Router) -> Void) {
        let outer = (self.prefix, layers)
        self.prefix += prefix
        build(&self)
        (self.prefix, layers) = outer
    }

    private mutating func child(of node: Int, for segment: Substring, _ names: inout [String]) -> Int {
        if segment == "**" {
            names.append("**")
            return child(of: node, at: \.rest)
        }
        if segment.hasPrefix(":") {
            names.append(String(segment.dropFirst()))
            return child(of: node, at: \.parameter)
        }
        let literal = String(segment)
        if let known = nodes[node].literals[literal] { return known }
        nodes.append(Node())
        nodes[node].literals[literal] = nodes.count - 1
        return nodes.count - 1
    }

    private mutating func child(of node: Int, at place: WritableKeyPath<Node, Int?>) -> Int {
        if let known = nodes[node][keyPath: place] { return known }
        nodes.append(Node())
        nodes[node][keyPath: place] = nodes.count - 1
        return nodes.count - 1
    }
}

extension Router {
    /// - Throws: a 400 `Problem` for a path that cannot be decoded or that has `.` or `..` segments. Clients
    ///   resolve those, so a path that still has them is an attack.
    func match(_ method: HTTPWire.Method, _ path: String) throws(Problem) -> Match {
        if let node = exact[path] { return choose(node, method, []) }
        guard path.utf8.first == UInt8(ascii: "/") else { return .nothing }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let isEncoded = part.utf8.contains(UInt8(ascii: "%"))
            guard let segment = isEncoded ? PercentCoding.decode(part) : String(part) else {
                throw Problem(HTTPWireError(.percentEscape))
            }
            if segment == "." || segment == ".." {
                throw Problem(.badRequest, "The path contains . or .. segments.")
            }
            segments.append(segment)
        }
        var values: [String] = []
        if let node = find(segments[...], from: 0, &values) { return choose(node, method, values) }
        // People and proxies add a trailing slash. No route distinguishes the two.
        if segments.count > 1, segments.last == "", segments[segments.count - 2] != "",
            let node = find(segments.dropLast(), from: 0, &values)
        {
            return choose(node, method, values)
        }
        return .nothing
    }

    /// The node with routes for `segments`. More specific branches are tried first, with backtracking.
    private func find(_ segments: ArraySlice<String>, from node: Int, _ values: inout [String]) -> Int? {
        guard let segment = segments.first else { return nodes[node].routes.isEmpty ? nil : node }
        if let literal = nodes[node].literals[segment],
            let found = find(segments.dropFirst(), from: literal, &values)
        {
            return found
        }
        if let parameter = nodes[node].parameter, !segment.isEmpty {
            values.append(segment)
            if let found = find(segments.dropFirst(), from: parameter, &values) { return found }
            values.removeLast()
        }
        if let rest = nodes[node].rest {
            values.append(segments.joined(separator: "/"))
            return rest
        }
        return nil
    }

    private func choose(_ node: Int, _ method: HTTPWire.Method, _ values: [String]) -> Match {
        guard let route = nodes[node].route(for: method) else {
            var names = Set(nodes[node].routes.map(\.method.name)).union(["OPTIONS"])
            if names.contains("GET") { names.insert("HEAD") }
            guard let other = nodes[node].routes.first?.route else { return .nothing }
            return .otherMethods(names.sorted().joined(separator: ", "), other)
        }
        return .found(route, PathParameters(names: route.parameterNames, values: values))
    }

    /// The route of a path without parameters, if its handler never suspends.
    func immediate(_ method: HTTPWire.Method, _ path: String) -> (Route, ImmediateHandler)? {
        guard let node = exact[path], let route = nodes[node].route(for: method),
            case .immediate(let handler) = route.action
        else { return nil }
        return (route, handler)
    }

    /// Answers a request, without catching what its handler throws.
    ///
    /// - Throws: a `Problem` if there is no handler, or the handler's error.
    package func respond(to request: Request) async throws -> Response {
        let match = try match(request.method, request.path)
        guard case .found(let route, let parameters) = match else {
            return try Self.response(to: request, match)
        }
        let request = request.with(body: request.body, parameters: parameters)
        if let refusal = try route.refusal(of: request) { return refusal }
        return try await route.respond(to: request)
    }

    /// The response if there is no handler. A path's routes answer for other methods in their own form.
    ///
    /// - Throws: a `Problem` that no layer turns into a response.
    static func response(to request: Request, _ match: Match) throws -> Response {
        switch match {
        case .otherMethods(let allowed, _) where request.method == .options:
            return Response(status: .noContent, headers: ["Allow": allowed])
        case .nothing where request.method == .options && request.path == "*":
            return Response(status: .noContent)
        case .otherMethods(_, let route):
            return try route.response(to: problem(match, request.method), request)
        case .nothing, .found:
            throw problem(match, request.method)
        }
    }

    /// The reason if there is no handler. RFC 9110 section 9.1: 501 for methods that no resource supports.
    static func problem(_ match: Match, _ method: HTTPWire.Method) -> Problem {
        switch method {
        case .other, .connect, .trace: return Problem(.notImplemented)
        default: break
        }
        guard case .otherMethods(let allowed, _) = match else { return Problem(.notFound) }
        return Problem(.methodNotAllowed, headers: ["Allow": allowed])
    }
}
