/// Name and address of this installation, as admins see them.
package struct AppIdentity: Sendable, Equatable {
    /// `APP_NAME`, used in mails.
    package let name: String
    /// `APP_URL`, the origin of all links.
    package let url: String

    package init(name: String, url: String) {
        self.name = name
        self.url = url
    }
}
