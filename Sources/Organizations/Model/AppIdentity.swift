/// Name and address of this installation, as admins see them.
package struct AppIdentity: Sendable, Equatable {
    /// `APP_NAME`, used on operators' pages and in operators' mails.
    package let name: String
    /// The product that admins see.
    package let brand: Brand
    /// `APP_URL`, the origin of all links.
    package let url: String
    /// Where a browser may return after a consent.
    package let returnTargets: ReturnTargets

    /// - Parameters:
    ///   - returnOrigins: `CONSENT_RETURN_ORIGINS`.
    ///   - brand: nil: the name of the installation, without a logo and an address for support.
    package init(name: String, url: String, returnOrigins: [String] = [], brand: Brand? = nil) {
        self.name = name
        self.brand = brand ?? Brand(name: name)
        self.url = url
        returnTargets = ReturnTargets(appURL: url, others: returnOrigins)
    }
}
