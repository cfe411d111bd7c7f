/// What admins see of this installation.
package struct AppIdentity: Sendable, Equatable {
    /// `APP_NAME`, as it stands in mails.
    package let name: String
    /// `APP_URL`, the origin of all links.
    package let url: String

    package init(name: String, url: String) {
        self.name = name
        self.url = url
    }
}
