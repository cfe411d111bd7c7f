import HTTPServer
import HTTPWire
import Logging

/// What the groups of routes have in common.
extension Router {
    /// Adds the fields to every answer of the routes that follow.
    mutating func secure(with security: SecurityHeaders) {
        decorate { security.apply(to: &$0) }
    }

    /// Answers for what the routes that follow throw. The one place where a request's failure is logged.
    mutating func answerFaults(
        _ logger: Logger, _ answer: @escaping @Sendable (Problem, Request) -> Response
    ) {
        recover { error, request in
            let known = FaultStatus.problem(for: error)
            if FaultStatus.isOurs(known) {
                logger.error(
                    "request failed",
                    metadata: [
                        "request_id": "\(request.id)", "path": "\(request.path)", "error": "\(error)",
                    ])
            }
            let problem = known ?? Problem(.internalServerError)
            var response = answer(problem, request)
            for (name, value) in problem.headers { response.headers.add(name, value) }
            return response
        }
    }
}
