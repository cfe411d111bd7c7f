package import HTTPServer
import HTTPWire
package import Logging

/// Answers the errors that routes throw, and logs those that are the server's fault.
package struct FaultAnswers: Sendable {
    private static let unexpected = "Something went wrong. The error has been logged."

    /// The answer to an error; nil for an unexpected error, which is answered with 500.
    private let problem: @Sendable (any Error) -> Problem?
    private let logger: Logger

    package init(_ problem: @escaping @Sendable (any Error) -> Problem?, _ logger: Logger) {
        self.problem = problem
        self.logger = logger
    }

    /// The text of an answer about a problem: its detail, and never the text of an internal error.
    package static func text(of problem: Problem) -> String {
        problem.detail ?? (problem.status.code < 500 ? problem.title : unexpected)
    }

    /// Answers the errors of the routes that are added from now on. Request failures are logged here and
    /// nowhere else.
    package func recover(
        _ router: inout Router, _ answer: @escaping @Sendable (Problem, Request) -> Response
    ) {
        router.recover { self.response(to: $0, $1, answer) }
    }

    /// The answer to one error, which is logged if it is the server's fault.
    package func response(
        to error: any Error, _ request: Request, _ answer: (Problem, Request) -> Response
    ) -> Response {
        let known = self.problem(error)
        if known.map({ $0.status.code >= 500 }) ?? true {
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
