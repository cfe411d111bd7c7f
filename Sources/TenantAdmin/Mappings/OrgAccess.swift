package import Organizations
package import TenantSchema

/// The calls of operators' pages to tenants' orgs.
package struct OrgAccess: Sendable {
    let sessions: OrgSessions
    let resolver: NameResolver

    /// - Parameter sessions: of the loop on which the pages are made.
    package init(sessions: OrgSessions, resolver: NameResolver) {
        self.sessions = sessions
        self.resolver = resolver
    }
}
