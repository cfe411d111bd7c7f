internal import FoundationEssentials

/// Parses the body of an error answer: a JSON array (REST), an object (OAuth), or plain text (identity).
///
/// Source: REST API Developer Guide, "Status Codes and Error Responses"; OAuth 2.0 (RFC 6749, section 5.2).
enum ErrorAnswer {
    /// The error of an answer with this status and body.
    static func error(status: Int, body: [UInt8], call: String) -> SalesforceError {
        let data = Data(body.prefix(SalesforceLimits.errorBodyBytes))
        let decoder = JSONDecoder()
        var error: SalesforceError
        if let list = try? decoder.decode([RESTProblem].self, from: data), let first = list.first {
            error = SalesforceError(
                code(restCode: first.errorCode ?? "", status: status), httpStatus: status,
                errorCode: first.errorCode, fields: first.fields ?? [], message: first.message ?? "")
        } else if let problem = try? decoder.decode(RESTProblem.self, from: data), problem.errorCode != nil {
            error = SalesforceError(
                code(restCode: problem.errorCode ?? "", status: status), httpStatus: status,
                errorCode: problem.errorCode, fields: problem.fields ?? [], message: problem.message ?? "")
        } else if let problem = try? decoder.decode(OAuthProblem.self, from: data) {
            error = SalesforceError(
                code(oauthCode: problem.error, status: status), httpStatus: status, errorCode: problem.error,
                message: problem.description ?? "")
        } else {
            error = plain(status: status, body: body)
        }
        error.call = call
        return error
    }

    /// The identity URL answers a bare word with 403 (`Bad_OAuth_Token`). A proxy may answer a page.
    private static func plain(status: Int, body: [UInt8]) -> SalesforceError {
        let text = String(decoding: body.prefix(200), as: UTF8.self)
        let word = text.filter { !$0.isWhitespace }
        switch word {
        case "Bad_OAuth_Token", "Missing_OAuth_Token":
            return SalesforceError(.unauthorized, httpStatus: status, errorCode: word, message: text)
        case "Wrong_Org", "Bad_Id", "Inactive", "No_Site_Endpoint":
            return SalesforceError(.forbidden, httpStatus: status, errorCode: word, message: text)
        default:
            return SalesforceError(code(status: status), httpStatus: status, message: text)
        }
    }

    /// The meaning of a REST error code; for an unknown code the status decides.
    static func code(restCode: String, status: Int) -> SalesforceError.Code {
        restCodes[restCode] ?? code(status: status)
    }

    /// The meaning of an OAuth error code (token endpoint and callback).
    static func code(oauthCode: String, status: Int) -> SalesforceError.Code {
        oauthCodes[oauthCode] ?? code(status: status)
    }

    static func code(status: Int) -> SalesforceError.Code {
        switch status {
        case 401: .unauthorized
        case 403: .forbidden
        case 404: .notFound
        case 409: .conflict
        case 408, 504: .timedOut
        case 413, 414, 431: .tooLarge
        case 420, 502, 500...599: .serverUnavailable
        case 429: .rateLimited
        default: .rejected
        }
    }

    private static let restCodes: [String: SalesforceError.Code] = [
        "INVALID_SESSION_ID": .unauthorized, "INVALID_AUTH_HEADER": .unauthorized,
        "REQUEST_LIMIT_EXCEEDED": .requestLimit,
        "API_DISABLED_FOR_ORG": .forbidden, "API_CURRENTLY_DISABLED": .forbidden,
        "INSUFFICIENT_ACCESS": .forbidden, "INSUFFICIENT_ACCESS_OR_READONLY": .forbidden,
        "FUNCTIONALITY_NOT_ENABLED": .forbidden, "OPERATION_TOO_LARGE": .forbidden,
        "INVALID_FIELD": .invalidField, "INVALID_TYPE": .invalidType, "MALFORMED_QUERY": .malformedQuery,
        "MALFORMED_ID": .malformedID, "NOT_FOUND": .notFound, "INVALID_CROSS_REFERENCE_KEY": .notFound,
        "ENTITY_IS_DELETED": .entityDeleted,
        "INVALID_QUERY_LOCATOR": .invalidLocator, "INVALIDJOBSTATE": .invalidJobState,
        "INVALIDENTITY": .notSupportedByBulk,
        "UNABLE_TO_LOCK_ROW": .lockedRow, "DUPLICATE_VALUE": .duplicateValue,
        "DUPLICATES_DETECTED": .duplicateValue, "REQUIRED_FIELD_MISSING": .validation,
        "FIELD_CUSTOM_VALIDATION_EXCEPTION": .validation, "STRING_TOO_LONG": .validation,
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": .validation, "FIELD_INTEGRITY_EXCEPTION": .validation,
        "INVALID_EMAIL_ADDRESS": .validation, "NUMBER_OUTSIDE_VALID_RANGE": .validation,
        "QUERY_TIMEOUT": .queryTimeout, "REQUEST_RUNNING_TOO_LONG": .queryTimeout,
        "SERVER_UNAVAILABLE": .serverUnavailable, "UNKNOWN_EXCEPTION": .serverUnavailable,
    ]

    private static let oauthCodes: [String: SalesforceError.Code] = [
        "invalid_grant": .invalidGrant, "inactive_user": .invalidGrant, "inactive_org": .invalidGrant,
        "invalid_client": .invalidClient, "invalid_client_id": .invalidClient,
        "invalid_client_credentials": .invalidClient, "redirect_uri_mismatch": .invalidClient,
        "access_denied": .accessDenied, "access-denied": .accessDenied, "invalid_app_access": .accessDenied,
        "OAUTH_APP_ACCESS_DENIED": .accessDenied, "OAUTH_APP_BLOCKED": .accessDenied,
        "rate_limit_exceeded": .rateLimited, "server_error": .serverUnavailable,
        "temporarily_unavailable": .serverUnavailable,
    ]

    private struct RESTProblem: Decodable {
        var message: String?
        var errorCode: String?
        var fields: [String]?
    }

    private struct OAuthProblem: Decodable {
        var error: String
        var description: String?

        enum CodingKeys: String, CodingKey {
            case error
            case description = "error_description"
        }
    }
}
