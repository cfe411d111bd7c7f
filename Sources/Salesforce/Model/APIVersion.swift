/// A version of Salesforce's API, for example `60.0`.
package struct APIVersion: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let major: Int

    package init(_ major: Int) {
        self.major = major
    }

    /// Reads `60.0` or `60`. The minor part of Salesforce's versions is always 0.
    package init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let major = Int(parts[0]), major > 0, parts.count == 1 || parts[1] == "0"
        else {
            return nil
        }
        self.major = major
    }

    /// The version of every call: Spring '24, the oldest that this client was written for (`resultPages`,
    /// null handling, describes). Pinned, so that a new release of Salesforce does not change the answers.
    package static let pinned = APIVersion(60)

    package static func < (left: APIVersion, right: APIVersion) -> Bool { left.major < right.major }

    package var description: String { "\(major).0" }

    /// The path under which the version's resources live: `/services/data/v60.0`.
    package var path: String { "/services/data/v\(description)" }
}
