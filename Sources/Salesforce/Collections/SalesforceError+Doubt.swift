extension SalesforceError {
    /// Whether the org may have carried out a call that changes data. False: it certainly did not, so the
    /// call may be sent again.
    package var isDoubtful: Bool {
        guard !isUnsent else { return false }
        switch code {
        // No answer, or none that can be read.
        case .interrupted, .timedOut, .malformedResponse: return true
        // An answer that is too large came after the work. A request that is too large has a status.
        case .tooLarge: return httpStatus == nil
        // A server that fails, or a proxy in front of it, does not say how far the work came.
        case .serverUnavailable, .queryTimeout: return true
        // A job that failed or was aborted may have written a part of its records: its results say which.
        case .jobFailed: return true
        // Nothing was sent.
        case .heldBack, .circuitOpen, .dailyCalls, .unreachable, .hostNotAllowed, .badSignature,
            .invalidGrant, .invalidClient, .accessDenied:
            return false
        // Refused before the work: session, rights, quota, or a request that Salesforce does not understand.
        case .unauthorized, .forbidden, .requestLimit, .rateLimited, .notFound, .invalidField, .invalidType,
            .malformedQuery, .malformedID, .invalidLocator, .invalidJobState, .conflict,
            .notSupportedByBulk, .rejected:
            return false
        // The transaction was rolled back.
        case .lockedRow, .duplicateValue, .validation, .entityDeleted: return false
        }
    }
}
