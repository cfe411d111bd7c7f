/// What went wrong in a call to Salesforce, or with something Salesforce sent.
package struct SalesforceError: Error, Sendable, Equatable {
    /// What a caller can act upon. Never decided by the text of a message.
    package enum Code: String, Sendable, Hashable {
        /// OAuth: the token endpoint does not accept the code or the refresh token. `GrantRefusal` says whether
        /// that ends a grant.
        case invalidGrant
        /// OAuth: key or secret of our connected app are wrong, or the redirect address is not among its own.
        case invalidClient
        /// OAuth: the user said no, or an admin blocks the app.
        case accessDenied
        /// The session is expired or invalid (`INVALID_SESSION_ID`): refresh once, then believe it.
        case unauthorized
        /// The user or the org may not do this.
        case forbidden
        /// The org's API quota is used up (`REQUEST_LIMIT_EXCEEDED`).
        case requestLimit
        /// Salesforce asks for a slower pace at login (`rate_limit_exceeded`).
        case rateLimited
        /// Salesforce has trouble: any 5xx without a more precise code, 420 and 502 of its edge.
        case serverUnavailable
        /// The query ran too long on their side.
        case queryTimeout
        case notFound
        case entityDeleted
        case invalidField
        case invalidType
        case malformedQuery
        case malformedID
        /// The locator of a query or a Bulk result is unknown or has expired.
        case invalidLocator
        /// The Bulk job is not in the state that the call needs.
        case invalidJobState
        /// A row is locked by someone else's transaction; worth another try.
        case lockedRow
        case duplicateValue
        /// The org's own rules refuse the record.
        case validation
        case conflict
        /// The Bulk API does not take the object (`INVALIDENTITY`); a query may.
        case notSupportedByBulk
        /// A Bulk job ended as `Failed` or `Aborted`.
        case jobFailed
        /// Neither host nor scheme are ones that may be called.
        case hostNotAllowed
        /// The token's signature was not made with our secret.
        case badSignature
        /// The answer is not what the interface promises.
        case malformedResponse
        /// The answer is larger than the limit for it.
        case tooLarge
        /// The org does not offer the API version that this client speaks.
        case unsupportedVersion
        /// No connection could be made: nothing was sent.
        case unreachable
        /// The connection broke while waiting or reading: the request may have been carried out.
        case interrupted
        case timedOut
        /// Refused for any other reason; `errorCode` names it.
        case rejected
    }

    package var code: Code
    /// The status of the answer; nil if there was none.
    package var httpStatus: Int?
    /// Salesforce's own code, as `INVALID_FIELD` or `invalid_grant`.
    package var errorCode: String?
    /// The fields that Salesforce names, for errors about a record.
    package var fields: [String]
    /// Salesforce's text, or ours. May quote data of the org: for `debugDescription` and operators only.
    package var message: String
    /// The call: method and path without query.
    package var call: String?
    /// Seconds from a `Retry-After` header.
    package var retryAfterSeconds: Int?

    package init(
        _ code: Code, httpStatus: Int? = nil, errorCode: String? = nil, fields: [String] = [],
        message: String = "", call: String? = nil
    ) {
        self.code = code
        self.httpStatus = httpStatus
        self.errorCode = errorCode
        self.fields = fields
        self.message = message
        self.call = call
    }

    /// Whether the same call may succeed later without anybody doing something.
    package var isTransient: Bool {
        switch code {
        case .requestLimit, .rateLimited, .serverUnavailable, .queryTimeout, .lockedRow, .unreachable,
            .interrupted,
            .timedOut:
            true
        default: false
        }
    }
}

extension SalesforceError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Safe for logs: codes and the call, and why no answer came; no text that the org wrote.
    package var description: String {
        var parts = ["Salesforce: \(code.rawValue)"]
        if let errorCode { parts.append(errorCode) }
        if let httpStatus { parts.append("HTTP \(httpStatus)") }
        if let call { parts.append(call) }
        // Without an answer the text is that of the way to the server.
        if httpStatus == nil, [.unreachable, .interrupted, .timedOut].contains(code), !message.isEmpty {
            parts.append(message)
        }
        return parts.joined(separator: ", ")
    }

    package var debugDescription: String {
        message.isEmpty ? description : "\(description): \(message)"
    }
}
