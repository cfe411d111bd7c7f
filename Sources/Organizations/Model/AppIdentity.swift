/// Name and address of this installation, as admins see them.
package struct AppIdentity: Sendable, Equatable {
    /// `APP_NAME`, used in mails.
    package let name: String
    /// `APP_URL`, the origin of all links.
    package let url: String
    /// Where a browser may return after a consent.
    package let returnTargets: ReturnTargets

    /// - Parameter returnOrigins: `CONSENT_RETURN_ORIGINS`.
    package init(name: String, url: String, returnOrigins: [String] = []) {
        self.name = name
        self.url = url
        returnTargets = ReturnTargets(appURL: url, others: returnOrigins)
    }
}
