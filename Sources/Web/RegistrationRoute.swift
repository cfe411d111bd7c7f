import FoundationEssentials
import HTTPServer
import HTTPWire
import Logging
import Organizations
import Salesforce

/// `POST /organizations`: what the package's post-install code calls.
struct RegistrationRoute: Sendable {
    let registration: Registration
    let signature: CallbackSignature?
    let limits: RegistrationLimits
    let tallies: RequestTallies?

    /// What is answered, whatever the outcome: Apex code reads `status`, people read `message`.
    struct Answer: Encodable {
        struct Problem: Encodable {
            let field: String?
            let message: String
        }

        let status: Int
        let message: String
        var problems: [Problem]?

        /// The answer with its status.
        static func json(_ status: Status, _ message: String, problems: [Problem]? = nil) -> Response {
            let answer = Answer(status: status.code, message: message, problems: problems)
            // Two texts and a number can always be written.
            return (try? Response.json(answer, status: status)) ?? Response(status: status)
        }
    }

    /// Looks at a call before its body is read: its rate, its type and whether it is signed at all.
    func refusal(of request: Request) -> Response? {
        let response = check(request)
        if let response { tallies?.count(registration: response.status) }
        return response
    }

    func respond(to request: Request) async throws -> Response {
        do {
            let response = try await answer(request)
            tallies?.count(registration: response.status)
            return response
        } catch {
            tallies?.count(registration: FaultStatus.problem(for: error)?.status ?? .internalServerError)
            throw error
        }
    }

    private func check(_ request: Request) -> Response? {
        if let wait = limits.addresses.take(RateLimiter.addressKey(request.clientAddress)) {
            return tooMany(wait, "Too many registrations from this address.")
        }
        do {
            try signature?.checkHeaders(
                timestamp: request.headers[CallbackSignature.timestampHeader],
                signature: request.headers[CallbackSignature.signatureHeader])
        } catch {
            return Answer.json(.unauthorized, "Not accepted: \(error.rawValue).")
        }
        return nil
    }

    private func answer(_ request: Request) async throws -> Response {
        let source = RateLimiter.addressKey(request.clientAddress)
        if let signature {
            do {
                try signature.verify(
                    timestamp: request.headers[CallbackSignature.timestampHeader],
                    signature: request.headers[CallbackSignature.signatureHeader], body: request.body,
                    now: Date())
            } catch {
                return Answer.json(.unauthorized, "Not accepted: \(error.rawValue).")
            }
        }
        let type = request.headers["content-type"]
        guard Self.isJSON(type) else {
            let problem = "Content-Type is \(type?.debugDescription ?? "missing"), not application/json"
            await note(RegistrationRequest.Invalid(problem), request)
            return Answer.json(.unsupportedMediaType, "The body has to be application/json.")
        }
        let parsed: RegistrationRequest
        do {
            parsed = try RegistrationRequest(parsing: request.body)
        } catch {
            await note(error, request)
            return refuse(error)
        }
        if let wait = limits.organizations.take("\(parsed.organization) \(source)") {
            var response = tooMany(wait, "Too many registrations of this org.")
            response.log(tenant: parsed.organization)
            return response
        }
        return try await register(parsed, source: signature == nil ? source : nil)
    }

    private func register(_ request: RegistrationRequest, source: String?) async throws -> Response {
        var response: Response
        let organization: Organization
        switch try await registration.register(request, source: source) {
        case .accepted(let accepted, let mail):
            organization = accepted
            response = Answer.json(.accepted, Self.message(about: mail))
        case .alreadyConsented(let known):
            organization = known
            response = Answer.json(.conflict, "The org has already given its consent; nothing was changed.")
        }
        response.log(tenant: organization.organizationID)
        return response
    }

    /// The package's code shows nobody the answer. If it cannot be noted, the answer is the same.
    private func note(_ invalid: RegistrationRequest.Invalid, _ request: Request) async {
        try? await registration.noteRefused(invalid, body: request.body)
    }

    private func refuse(_ invalid: RegistrationRequest.Invalid) -> Response {
        let problems = invalid.problems.map { Answer.Problem(field: $0.field, message: $0.message) }
        let text = invalid.problems.map(\.description).joined(separator: "; ")
        return Answer.json(.badRequest, "Not accepted: \(text).", problems: problems)
    }

    private func tooMany(_ wait: Duration, _ message: String) -> Response {
        var response = Answer.json(.tooManyRequests, message)
        response.headers.add("Retry-After", String(max(1, wait.components.seconds + 1)))
        return response
    }

    private static func message(about mail: MailThrottle.Decision) -> String {
        switch mail {
        case .now: "Registered. The admin is being mailed a link to give consent."
        case .at: "Registered. The admin will be mailed a link to give consent."
        case .not: "Registered. The admin was mailed a link to give consent a short while ago."
        case .unreachable:
            "Registered, but admin_email was masked by a sandbox refresh: no mail can reach it. "
                + "Register again with the admin's own address."
        }
    }

    /// Whether a Content-Type is JSON, whatever its parameters.
    static func isJSON(_ contentType: String?) -> Bool {
        let type = contentType?.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
        return type.filter { $0 != " " && $0 != "\t" }.lowercased() == "application/json"
    }
}
