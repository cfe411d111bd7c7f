import Encoding
import HTTPClient
import HTTPServer
import HTTPWire
import Organizations
import Pages
import Salesforce

/// `/api/salesforce/...`: calls of an end user to the user's own org, with the user's own token and rights.
/// Nothing of them is stored.
///
/// The paths are those of Salesforce's REST API below its version. Each call is built anew from its checked
/// parts, so no path, host or header of the page reaches the org.
struct ForwardRoutes: Sendable {
    let http: HTTPClient
    let hosts: HostRule
    let usage: APIUsage

    /// The fields of one record.
    static let maximumBodyBytes = 256 * 1024
    private static let maximumFields = 200

    func describe(_ request: Request, _ session: EndUserSession) async throws -> Response {
        try await send(.describe, .read, try Self.object(request), session)
    }

    func read(_ request: Request, _ session: EndUserSession) async throws -> Response {
        let names = (request.query["fields"] ?? "").split(separator: ",").map(String.init)
        guard names.count <= Self.maximumFields, names.allSatisfy({ ObjectName($0) != nil }) else {
            throw Problem(.badRequest, "fields must be names of fields of this object, with commas between.")
        }
        return try await send(
            .read(try Self.id(request), fields: names), .read, try Self.object(request), session)
    }

    func query(_ request: Request, _ session: EndUserSession) async throws -> Response {
        let query: ObjectQuery
        do {
            query = try ObjectQuery(parsing: request.query["q"] ?? "")
        } catch {
            throw Problem(.badRequest, "Not accepted: \(error.rawValue).")
        }
        return try await send(.query(query), .query, query.object, session)
    }

    func create(_ request: Request, _ session: EndUserSession) async throws -> Response {
        try await send(.create(try Self.fields(request)), .create, try Self.object(request), session)
    }

    func update(_ request: Request, _ session: EndUserSession) async throws -> Response {
        try await send(
            .update(try Self.id(request), try Self.fields(request)), .update, try Self.object(request),
            session)
    }

    func delete(_ request: Request, _ session: EndUserSession) async throws -> Response {
        try await send(.delete(try Self.id(request)), .delete, try Self.object(request), session)
    }

    private static func object(_ request: Request) throws -> ObjectName {
        guard let object = ObjectName(request.parameters["object"] ?? "") else {
            throw Problem(.badRequest, "The path has no name of an object.")
        }
        return object
    }

    private static func id(_ request: Request) throws -> SalesforceID {
        guard let id = try? SalesforceID(request.parameters["id"] ?? "") else {
            throw Problem(.badRequest, "The path has no id of a record.")
        }
        return id
    }

    /// The body as JSON written anew. Nested objects could refer to records of other objects.
    private static func fields(_ request: Request) throws -> [UInt8] {
        guard RegistrationRoute.isJSON(request.headers["content-type"]) else {
            throw Problem(.unsupportedMediaType, "Content-Type must be application/json.")
        }
        guard let document = try? JSONValue(parsing: request.body), let members = document.object,
            !members.isEmpty
        else { throw Problem(.badRequest, "The body must be a JSON object with fields.") }
        for (name, value) in members {
            guard ObjectName(name) != nil, value.object == nil, value.array == nil else {
                throw Problem(.badRequest, "The body must have plain values of fields only.")
            }
        }
        return Array(document.serialized.utf8)
    }

    private func send(
        _ action: ForwardedCall.Action, _ verb: EndUserVerb, _ object: ObjectName, _ session: EndUserSession
    ) async throws -> Response {
        guard session.access.allows(verb, object) else {
            throw Problem(.forbidden, "Your org's rules do not allow \(verb.rawValue) of \(object).")
        }
        let token = session.token
        let client = RESTClient(
            http: http, hosts: hosts,
            tokens: { refused in
                // There is no refresh token: the session has ended.
                if refused != nil { throw SalesforceError(.unauthorized, httpStatus: 401) }
                return token
            }, gate: usage.gate(for: session.organization, CallPurpose(.user, object.text)))
        do {
            let reply = try await client.forward(ForwardedCall(action, of: object))
            var response =
                reply.body.isEmpty
                ? Response(status: Status(reply.status))
                : Response.json(bytes: reply.body, status: Status(reply.status))
            response.log(tenant: session.organizationID)
            return response
        } catch let error as SalesforceError where error.code == .unauthorized {
            throw Problem(.unauthorized, "Your session in Salesforce has ended. Log in at /login.")
        } catch let error as SalesforceError {
            guard let status = error.httpStatus, (400..<500).contains(status) else { throw error }
            return Self.json(error, Status(status))
        }
    }

    /// Salesforce's refusal in its own form. The user may read it: it is about the user's own call.
    private static func json(_ error: SalesforceError, _ status: Status) -> Response {
        let fields = JSONText.array(error.fields.map(JSONText.string))
        let document: JSONText = [
            [
                "message": .string(error.message), "errorCode": .optional(error.errorCode),
                "fields": fields,
            ]
        ]
        return Response.json(bytes: document.encoded, status: status)
    }

    /// Our own refusals have the same form.
    static func json(_ problem: Problem) -> Response {
        let document: JSONText = [
            [
                "message": .string(FaultAnswers.text(of: problem)),
                "errorCode": .string("MULTICONNECT_\(problem.status.code)"), "fields": [],
            ]
        ]
        return Response.json(bytes: document.encoded, status: problem.status)
    }
}
