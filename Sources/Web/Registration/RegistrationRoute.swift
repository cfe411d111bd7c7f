import FoundationEssentials
import HTTPServer
import HTTPWire
import Logging
import Organizations
import Salesforce

/// `POST /organizations`, which the package's post-install Apex calls.
struct RegistrationRoute: Sendable {
    let registration: OrganizationRegistration
    let signature: CallbackSignature?
    let limits: RequestLimits
    let tallies: RequestTallies?

    /// The JSON of every answer: `status` for Apex code, `message` for people.
    struct Answer: Encodable {
        struct Problem: Encodable {
            let field: String?
            let message: String
        }

        let status: Int
        let message: String
        var problems: [Problem]?

        /// A response with this status, in the head and in the body.
        static func json(_ status: Status, _ message: String, problems: [Problem]? = nil) -> Response {
            let answer = Answer(status: status.code, message: message, problems: problems)
            // Encoding strings and a number cannot fail.
            return (try? Response.json(answer, status: status)) ?? Response(status: status)
        }
    }

    /// Checks rate and signature headers before the body is read. Nil if the request may continue.
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
            await record(RegistrationRequest.Invalid(problem), request, source)
            return Answer.json(.unsupportedMediaType, "Content-Type must be application/json.")
        }
        let parsed: RegistrationRequest
        do {
            parsed = try RegistrationRequest(parsing: request.body)
        } catch {
            await record(error, request, source)
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
            response = Answer.json(.conflict, "The org has already given its consent. Nothing was changed.")
        }
        response.log(tenant: organization.organizationID)
        return response
    }

    /// Records a refused registration for the operators: nobody in the org sees the answer. A failure to
    /// record it does not change the answer.
    private func record(_ invalid: RegistrationRequest.Invalid, _ request: Request, _ source: String) async {
        try? await registration.noteRefused(invalid, body: request.body, source: source)
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
        case .now: "Registered. The admin gets a mail with a link to give consent."
        case .at:
            "Registered. The admin gets a mail with a link to give consent later, because of a mail limit."
        case .alreadyMailed: "Registered. The admin got a mail with a link to give consent a short time ago."
        case .unreachable:
            "Registered, but no mail can reach admin_email: a sandbox refresh masked it. "
                + "Register again with the admin's own address."
        }
    }

    /// Whether a Content-Type is JSON, with or without parameters.
    static func isJSON(_ contentType: String?) -> Bool {
        let type = contentType?.split(separator: ";", omittingEmptySubsequences: false).first ?? ""
        return type.filter { $0 != " " && $0 != "\t" }.lowercased() == "application/json"
    }
}
