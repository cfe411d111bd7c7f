package import FoundationEssentials
package import HTTPClient
package import Salesforce
internal import Synchronization

/// Creates clients of tenants' orgs, on one loop. A class, because each tenant has a reference to it.
package final class OrgSessions: Sendable {
    private let http: HTTPClient
    private let polls: PollClient
    private let hosts: HostRule
    private let tokens: AccessTokens
    private let usage: APIUsage
    private let recent = Mutex<[UUID: RecentToken]>([:])

    /// A token as it was read a moment ago.
    private struct RecentToken: Sendable {
        let token: AccessToken
        let readAt: ContinuousClock.Instant

        var isFresh: Bool { readAt + OrganizationsLimits.tokenAge > .now }
    }

    package init(http: HTTPClient, hosts: HostRule, tokens: AccessTokens, usage: APIUsage) {
        self.http = http
        polls = PollClient(limits: http.limits)
        self.hosts = hosts
        self.tokens = tokens
        self.usage = usage
    }

    private func provider(for organization: UUID) -> TokenProvider {
        { refused in
            if refused == nil, let recent = self.recent.withLock({ $0[organization] }), recent.isFresh {
                return recent.token
            }
            let token = try await self.tokens.token(for: organization, refused: refused)
            self.recent.withLock { recent in
                if recent.count >= OrganizationsLimits.recentTokens {
                    recent = recent.filter(\.value.isFresh)
                    if recent.count >= OrganizationsLimits.recentTokens { recent = [:] }
                }
                // Another task may have read a newer one meanwhile.
                if let known = recent[organization], known.token.version > token.version { return }
                recent[organization] = RecentToken(token: token, readAt: .now)
            }
            return token
        }
    }

    /// The REST API of a tenant's org. Creating it sends no request. Its calls are counted under the
    /// purpose, and throw `SalesforceError` `.heldBack`, `.dailyCalls` or `.circuitOpen` while the org's
    /// budget, the mapping's cap or the org's circuit refuses them.
    package func rest(for organization: UUID, _ purpose: CallPurpose = CallPurpose(.setup)) -> RESTClient {
        RESTClient(
            http: http, hosts: hosts, tokens: provider(for: organization),
            gate: usage.gate(for: organization, purpose))
    }

    /// The Bulk API of a tenant's org.
    package func bulk(for organization: UUID, _ purpose: CallPurpose = CallPurpose(.import)) -> BulkQuery {
        BulkQuery(rest(for: organization, purpose))
    }

    /// The event stream of a tenant's org. Creating it sends no request.
    package func stream(for organization: UUID) -> CometDStream {
        CometDStream(polls: polls, hosts: hosts, tokens: provider(for: organization))
    }

    /// Asks for the org's use of its API if no answer has reported it for some time. Returns whether it was
    /// asked.
    package func learnUse(of organization: UUID) async throws -> Bool {
        guard usage.isUseUnknown(of: organization) else { return false }
        note(try await rest(for: organization).limits(), of: organization)
        return true
    }

    /// Takes the use of the API from the org's limits.
    package func note(_ limits: [String: OrgLimit], of organization: UUID) {
        guard let calls = limits["DailyApiRequests"] else { return }
        usage.note(
            LimitInfo(used: calls.maximum - calls.remaining, allowed: calls.maximum), of: organization)
    }

    /// Replaces the caps of mappings: see `APIUsage.setCaps`.
    package func setCaps(_ caps: [DailyCallCap], replacing objects: Set<String>, of organization: UUID) {
        usage.setCaps(caps, replacing: objects, of: organization)
    }

    /// The factor by which the intervals between polls of a tenant's org grow, at least 1.
    package func pollingFactor(of organization: UUID) -> Int {
        usage.pollingFactor(of: organization)
    }
}
