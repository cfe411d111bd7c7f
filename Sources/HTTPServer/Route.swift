/// Answers a request. It throws a `Problem` for the client, or another error for the log.
package typealias Handler = @Sendable (Request) async throws -> Response

/// A handler that never suspends. The connection's task needs no asynchronous call for it.
package typealias ImmediateHandler = @Sendable (Request) throws -> Response

/// Checks a request before its body is read, so that callers without credentials or above their rate cost no
/// memory. It refuses with a response or an error, and accepts with nil. The request has no body yet.
package typealias Gate = @Sendable (Request) throws -> Response?

/// The handler of one method and one pattern.
struct Route: Sendable {
    /// A layer around handlers.
    enum Layer: Sendable {
        case decorate(@Sendable (inout Response) -> Void)
        case recover(@Sendable (any Error, Request) -> Response?)
    }

    enum Action: Sendable {
        case immediate(ImmediateHandler)
        case waiting(Handler)
    }

    let action: Action
    let gate: Gate?
    /// The innermost first.
    let layers: [Layer]
    let parameterNames: [String]
    let maximumBodyBytes: Int?
    /// Whether a body is read. The body of GET and HEAD has no meaning (RFC 9110 section 9.3.1).
    let takesBody: Bool

    /// The response if the gate refuses the request, else nil.
    ///
    /// - Throws: an error of the gate that no layer turns into a response.
    func refusal(of request: Request) throws -> Response? {
        guard let gate else { return nil }
        do {
            return try gate(request).map { decorated($0, by: layers[...]) }
        } catch {
            return try recover(from: error, request)
        }
    }

    /// The answer of the route's layers to an error that was found before the handler ran.
    ///
    /// - Throws: the error, if no layer turns it into a response.
    func response(to error: any Error, _ request: Request) throws -> Response {
        try recover(from: error, request)
    }

    /// Answers a request that the gate has accepted.
    func respond(to request: Request) async throws -> Response {
        switch action {
        case .immediate(let handler): return try respond(to: request, with: handler)
        case .waiting(let handler):
            let response: Response
            do {
                response = try await handler(request)
            } catch {
                return try recover(from: error, request)
            }
            return decorated(response, by: layers[...])
        }
    }

    func respond(to request: Request, with handler: ImmediateHandler) throws -> Response {
        let response: Response
        do {
            response = try handler(request)
        } catch {
            return try recover(from: error, request)
        }
        return decorated(response, by: layers[...])
    }

    private func recover(from error: any Error, _ request: Request) throws -> Response {
        for (index, layer) in layers.enumerated() {
            guard case .recover(let recover) = layer, let response = recover(error, request) else { continue }
            return decorated(response, by: layers[(index + 1)...])
        }
        throw error
    }

    private func decorated(_ response: Response, by layers: ArraySlice<Layer>) -> Response {
        var response = response
        for layer in layers {
            if case .decorate(let decorate) = layer { decorate(&response) }
        }
        return response
    }
}
