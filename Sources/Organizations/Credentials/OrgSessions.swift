package import FoundationEssentials
package import HTTPClient
package import Salesforce

/// Creates clients of tenants' orgs, on one loop.
package struct OrgSessions: Sendable {
    private let http: HTTPClient
    private let hosts: HostRule
    private let tokens: AccessTokens
    private let usage: APIUsage

    package init(http: HTTPClient, hosts: HostRule, tokens: AccessTokens, usage: APIUsage) {
        self.http = http
        self.hosts = hosts
        self.tokens = tokens
        self.usage = usage
    }

    /// The REST API of a tenant's org. Creating it sends no request.
    package func rest(for organization: UUID, _ purpose: CallPurpose = CallPurpose(.setup)) -> RESTClient {
        RESTClient(
            http: http, hosts: hosts, tokens: tokens.provider(for: organization),
            onUsage: { [usage] limit in usage.note(limit, of: organization) })
    }

    /// The Bulk API of a tenant's org.
    package func bulk(for organization: UUID) -> BulkQuery {
        BulkQuery(rest(for: organization))
    }
}
