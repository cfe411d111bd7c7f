package import HTTPWire

/// Answers a request, or throws: a `Problem` for the client, anything else for the log.
package typealias Handler = @Sendable (Request) async throws -> Response

/// Goes around handlers: may look at the request, answer it itself, or change the answer.
package typealias Middleware = @Sendable (Request, Handler) async throws -> Response

/// Finds the handler for a method and a path.
///
/// Patterns are literal segments, `:name` for one segment and a final `**` for all that is left, one segment
/// at least. Where several patterns fit, the literal one wins over `:name` and that over `**`, segment by
/// segment. GET routes answer HEAD; OPTIONS is answered for every known path.
package struct Router: Sendable {
    struct Route: Sendable {
        let handler: Handler
        let parameterNames: [String]
        let maximumBodyBytes: Int?
    }

    /// A function in an array would be wrapped to fit any type, and unwrapped at each call.
    private struct Layer: Sendable {
        let middleware: Middleware

        func around(_ handler: @escaping Handler) -> Handler {
            { [middleware] request in try await middleware(request, handler) }
        }
    }

    private struct Node: Sendable {
        var literals: [String: Int] = [:]
        var parameter: Int?
        var rest: Int?
        var routes: [HTTPWire.Method: Route] = [:]
    }

    /// What there is at a path.
    enum Match: Sendable {
        case found(Route, PathParameters)
        /// The path exists under other methods; the value is for Allow.
        case otherMethods(String)
        case nothing
    }

    private var nodes = [Node()]
    /// Nodes of patterns without parameters by their whole path, which most requests hit.
    private var exact: [String: Int] = [:]
    private var layers: [Layer] = []
    private var prefix = ""

    package init() {}

    /// Answers `method` requests for `pattern` with `handler`, inside the middleware given so far.
    ///
    /// - Parameter maximumBodyBytes: instead of the server's limit.
    package mutating func on(
        _ method: HTTPWire.Method, _ pattern: String, maximumBodyBytes: Int? = nil,
        _ handler: @escaping Handler
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
        precondition(nodes[node].routes[method] == nil, "\(method) \(pattern) has two handlers")
        nodes[node].routes[method] = Route(
            handler: wrapped(handler), parameterNames: names, maximumBodyBytes: maximumBodyBytes)
    }

    /// Puts `middleware` around the routes that are added from now on, inside what is there already.
    package mutating func use(_ middleware: @escaping Middleware) {
        layers.append(Layer(middleware: middleware))
    }

    /// Adds routes under a common prefix; middleware used inside stays inside.
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

    private func wrapped(_ handler: @escaping Handler) -> Handler {
        var handler = handler
        for layer in layers.reversed() { handler = layer.around(handler) }
        return handler
    }
}

extension Router {
    /// - Throws: a 400 `Problem` for a path that cannot be decoded or that has `.` or `..` segments: clients
    /// resolve
    ///   those, so what still has them tries to get around somebody's rules.
    func match(_ method: HTTPWire.Method, _ path: String) throws(Problem) -> Match {
        if let node = exact[path] { return choose(node, method, []) }
        guard path.utf8.first == UInt8(ascii: "/") else { return .nothing }
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            let segment: String
            do {
                segment =
                    part.utf8.contains(UInt8(ascii: "%")) ? try PercentCoding.decode(part) : String(part)
            } catch {
                throw Problem(error)
            }
            if segment == "." || segment == ".." { throw Problem(.badRequest, "The path is not resolved.") }
            segments.append(segment)
        }
        var values: [String] = []
        guard let node = find(segments[...], from: 0, &values) else { return .nothing }
        return choose(node, method, values)
    }

    /// The node with routes for `segments`; more specific branches first, with a way back out of dead ends.
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
        let routes = nodes[node].routes
        guard let route = routes[method] ?? (method == .head ? routes[.get] : nil) else {
            var names = Set(routes.keys.map(\.name)).union(["OPTIONS"])
            if names.contains("GET") { names.insert("HEAD") }
            return .otherMethods(names.sorted().joined(separator: ", "))
        }
        return .found(route, PathParameters(names: route.parameterNames, values: values))
    }

    /// Answers a request, without catching what its handler throws.
    ///
    /// - Throws: a `Problem` where there is no handler, or whatever the handler throws.
    package func respond(to request: Request) async throws -> Response {
        let match = try match(request.method, request.path)
        guard case .found(let route, let parameters) = match else {
            return try Self.response(to: request, match)
        }
        var request = request
        request.parameters = parameters
        return try await route.handler(request)
    }

    /// The answer where there is no handler.
    static func response(to request: Request, _ match: Match) throws(Problem) -> Response {
        switch match {
        case .otherMethods(let allowed) where request.method == .options:
            return Response(status: .noContent, headers: ["Allow": allowed])
        case .nothing where request.method == .options && request.path == "*":
            return Response(status: .noContent)
        case .otherMethods, .nothing, .found:
            throw problem(match, request.method)
        }
    }

    /// Why there is no handler. RFC 9110 section 9.1: 501 for methods that no resource here could have.
    static func problem(_ match: Match, _ method: HTTPWire.Method) -> Problem {
        switch method {
        case .other, .connect, .trace: return Problem(.notImplemented)
        default: break
        }
        guard case .otherMethods(let allowed) = match else { return Problem(.notFound) }
        return Problem(.methodNotAllowed, headers: ["Allow": allowed])
    }
}
