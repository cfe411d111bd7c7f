/// One of an org's limits.
package struct OrgLimit: Equatable, Sendable {
    package let maximum: Int
    package let remaining: Int
}
