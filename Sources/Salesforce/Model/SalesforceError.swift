/// An error of a call to Salesforce, or of data from Salesforce.
package struct SalesforceError: Error, Sendable, Equatable {
    /// The kind of error, for callers. Never derived from the text of a message.
    package enum Code: String, Sendable, Hashable {
        /// OAuth: the token endpoint does not accept the code or the refresh token. `GrantRefusal` decides
        /// whether that ends the grant.
        case invalidGrant
        /// OAuth: the connected app's key or secret is wrong, or its redirect address is not registered.
        case invalidClient
        /// OAuth: the user denied access, or an admin blocks the app.
        case accessDenied
        /// The session is expired or invalid (`INVALID_SESSION_ID`). Refresh the token once, then give up.
        case unauthorized
        /// The user or the org lacks the permission.
        case forbidden
        /// The org's API quota is used up (`REQUEST_LIMIT_EXCEEDED`).
        case requestLimit
        /// The call was not sent: the rest of the org's API allowance is reserved. `retryAfterSeconds` is
        /// set.
        case heldBack
        /// The call was not sent: the mapping has used its own API calls of the day. `retryAfterSeconds` is
        /// set.
        case dailyCalls
        /// The call was not sent: the org's last calls failed. `retryAfterSeconds` is set.
        case circuitOpen
        /// Too many logins (`rate_limit_exceeded`).
        case rateLimited
        /// Salesforce is unavailable: a 5xx without a more precise code, or 420.
        case serverUnavailable
        /// The query ran too long in Salesforce.
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
        /// Another transaction has locked the row; a retry may succeed.
        case lockedRow
        case duplicateValue
        /// The org's validation refuses the record.
        case validation
        case conflict
        /// The Bulk API does not support the object (`INVALIDENTITY`); a query may.
        case notSupportedByBulk
        /// A Bulk job ended as `Failed` or `Aborted`.
        case jobFailed
        /// The host or the scheme may not be called.
        case hostNotAllowed
        /// The token's signature was not created with our secret.
        case badSignature
        /// The answer does not have the documented form.
        case malformedResponse
        /// The request or the answer is larger than its limit.
        case tooLarge
        /// No connection: nothing was sent.
        case unreachable
        /// The connection broke: the request may have been carried out.
        case interrupted
        case timedOut
        /// Refused for any other reason; `errorCode` names it.
        case rejected
    }

    package var code: Code
    /// The HTTP status; nil without an answer.
    package var httpStatus: Int?
    /// Salesforce's error code, for example `INVALID_FIELD` or `invalid_grant`.
    package var errorCode: String?
    /// The fields that Salesforce names.
    package var fields: [String]
    /// Salesforce's text, or ours. May quote the org's data: only for `debugDescription` and operators.
    package var message: String
    /// Method and path of the call, without query.
    package var call: String?
    /// Seconds from a `Retry-After` header, or until a call that was not sent may be tried again.
    package var retryAfterSeconds: Int?
    /// True if no byte of the call was sent, for example because no token could be had.
    package var isUnsent = false

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

    /// Whether the same call may succeed later by itself.
    package var isTransient: Bool {
        switch code {
        case .requestLimit, .heldBack, .dailyCalls, .circuitOpen, .rateLimited, .serverUnavailable,
            .queryTimeout,
            .lockedRow, .unreachable,
            .interrupted,
            .timedOut:
            true
        default: false
        }
    }
}

extension SalesforceError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Safe for logs: codes, the call, and the reason of a missing answer; no text from the org.
    package var description: String {
        var parts = ["Salesforce: \(code.rawValue)"]
        if let errorCode { parts.append(errorCode) }
        if let httpStatus { parts.append("HTTP \(httpStatus)") }
        if let call { parts.append(call) }
        // Without an answer the text describes the connection.
        if httpStatus == nil, [.unreachable, .interrupted, .timedOut].contains(code), !message.isEmpty {
            parts.append(message)
        }
        return parts.joined(separator: ", ")
    }

    package var debugDescription: String {
        message.isEmpty ? description : "\(description): \(message)"
    }
}
