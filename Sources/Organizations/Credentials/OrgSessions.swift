package import FoundationEssentials
package import HTTPClient
package import Salesforce

/// Creates clients of tenants' orgs, on one loop.
package struct OrgSessions: Sendable {
    private let http: HTTPClient
    private let streams: HTTPClient
    private let hosts: HostRule
    private let tokens: AccessTokens
    private let usage: APIUsage

    /// - Parameters:
    ///   - http: for calls.
    ///   - streams: for event streams, which are open all the time; nil: `http`.
    package init(
        http: HTTPClient, streams: HTTPClient? = nil, hosts: HostRule, tokens: AccessTokens, usage: APIUsage
    ) {
        self.http = http
        self.streams = streams ?? http
        self.hosts = hosts
        self.tokens = tokens
        self.usage = usage
    }

    /// The REST API of a tenant's org. Creating it sends no request. Its calls are counted under the
    /// purpose, and throw `SalesforceError` `.heldBack` or `.circuitOpen` while the org's budget or circuit
    /// refuses them.
    package func rest(for organization: UUID, _ purpose: CallPurpose = CallPurpose(.setup)) -> RESTClient {
        RESTClient(
            http: http, hosts: hosts, tokens: tokens.provider(for: organization),
            gate: usage.gate(for: organization, purpose))
    }

    /// The Bulk API of a tenant's org.
    package func bulk(for organization: UUID, _ purpose: CallPurpose = CallPurpose(.import)) -> BulkQuery {
        BulkQuery(rest(for: organization, purpose))
    }

    /// The event stream of a tenant's org. Creating it sends no request.
    package func stream(for organization: UUID) -> CometDStream {
        CometDStream(http: streams, hosts: hosts, tokens: tokens.provider(for: organization))
    }

    /// The factor by which the intervals between polls of a tenant's org grow, at least 1.
    package func pollingFactor(of organization: UUID) -> Int {
        usage.pollingFactor(of: organization)
    }
}
