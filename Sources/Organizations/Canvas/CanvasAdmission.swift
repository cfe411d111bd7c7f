package import FoundationEssentials
package import Postgres
package import Salesforce

/// Decides whether a signed request of Canvas is fresh and of a known org.
///
/// With a time in the request, it is accepted once and within five minutes. Salesforce's documentation shows
/// requests without a time, and two of them may be equal. Then the user's token must still be valid in the
/// org: a caller with a valid token could read more from the org than our page shows.
package struct CanvasAdmission: Sendable {
    /// Why a request with the right signature is refused.
    package enum Refusal: String, Error, Sendable {
        case stale = "The page was opened too long ago."
        case replayed = "The page was opened with a request that was used before."
        case endedSession = "Your session in Salesforce has ended."
        case otherUser = "Your session in Salesforce belongs to another user."
        case unknownOrganization = "This org is not registered."
    }

    private let pool: PostgresPool
    private let oauth: OAuthClient

    package init(pool: PostgresPool, oauth: OAuthClient) {
        self.pool = pool
        self.oauth = oauth
    }

    /// The tenant of the request. Throws `Refusal`, and errors of Salesforce or the database.
    package func admit(_ request: CanvasRequest, now: Date = Date()) async throws -> Organization {
        if let issuedAt = request.issuedAt {
            let age = OrganizationsLimits.canvasAge.timeInterval
            guard abs(now.timeIntervalSince(issuedAt)) <= age else { throw Refusal.stale }
        } else {
            try await checkToken(of: request)
        }
        return try await pool.withConnection { connection in
            let store = OrganizationStore(on: connection)
            guard let found = try await store.find(request.organization) else {
                throw Refusal.unknownOrganization
            }
            if request.issuedAt != nil {
                let isNew = try await CanvasRequestStore(on: connection).accept(request.digest)
                guard isNew else { throw Refusal.replayed }
            }
            return found
        }
    }

    private func checkToken(of request: CanvasRequest) async throws {
        let owner: TokenOwner
        do {
            owner = try await oauth.owner(of: request.token, at: request.instance)
        } catch let error as SalesforceError where [.forbidden, .unauthorized].contains(error.code) {
            throw Refusal.endedSession
        }
        guard owner.organization == request.organization, owner.user == request.user else {
            throw Refusal.otherUser
        }
    }
}
