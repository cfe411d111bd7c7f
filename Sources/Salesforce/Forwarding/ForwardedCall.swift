internal import Encoding

/// A call of an end user's page, built from checked parts only: no part of a path comes from the page as it
/// is.
package struct ForwardedCall: Sendable {
    /// The kind of call.
    package enum Action: Sendable, Equatable {
        case describe
        case read(SalesforceID, fields: [String])
        case query(ObjectQuery)
        /// The body is a JSON object with the fields.
        case create([UInt8])
        case update(SalesforceID, [UInt8])
        case delete(SalesforceID)
    }

    /// Salesforce's answer.
    package struct Reply: Sendable {
        package let status: Int
        package let body: [UInt8]
    }

    package let object: ObjectName
    package let action: Action

    package init(_ action: Action, of object: ObjectName) {
        self.action = action
        self.object = object
    }

    /// The name of the call in the org's change events. The sync looks for its own changes by other names.
    private static let clientTag = "multiconnect-user"

    func call(_ version: APIVersion) -> APICall {
        let base = "\(version.path)/sobjects/\(object)"
        var call: APICall
        switch action {
        case .describe: call = APICall(path: base + "/describe")
        case .read(let id, let fields):
            call = APICall(path: "\(base)/\(id)")
            if !fields.isEmpty { call.query = [("fields", fields.joined(separator: ","))] }
        case .query(let query):
            call = APICall(path: "\(version.path)/query")
            call.query = [("q", query.text)]
        case .create(let body): call = Self.write("POST", base, body)
        case .update(let id, let body): call = Self.write("PATCH", "\(base)/\(id)", body)
        case .delete(let id): call = Self.write("DELETE", "\(base)/\(id)", [])
        }
        call.clientTag = Self.clientTag
        call.maximumBytes = SalesforceLimits.forwardedBytes
        call.deadline = SalesforceLimits.forwardedDeadline
        call.headers.append(("Accept", "application/json"))
        return call
    }

    private static func write(_ method: String, _ path: String, _ body: [UInt8]) -> APICall {
        var call = APICall(method: method, path: path)
        call.body = body
        if !body.isEmpty { call.headers.append(("Content-Type", "application/json")) }
        call.repetition = .harmful
        return call
    }
}

extension RESTClient {
    /// Sends a call of an end user. Throws for statuses from 300.
    package func forward(_ call: ForwardedCall) async throws -> ForwardedCall.Reply {
        let answer = try await perform(call.call(version))
        return ForwardedCall.Reply(status: answer.status, body: answer.body)
    }
}
