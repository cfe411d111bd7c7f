/// A notification of NOTIFY.
package struct PostgresNotification: Hashable, Sendable {
    package let channel: String
    package let payload: String
    /// The process id of the sending backend.
    package let process: Int32
}
