/// What NOTIFY said.
package struct PostgresNotification: Hashable, Sendable {
    package let channel: String
    package let payload: String
    /// The backend that sent it.
    package let process: Int32
}
