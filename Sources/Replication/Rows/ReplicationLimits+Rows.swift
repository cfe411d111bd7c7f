/// The named maxima of records that wait for the outcome of an insert.
extension ReplicationLimits {
    /// The first pause before a record is read again that an open insert may have created. Most inserts are
    /// answered by then. Each further pause is twice as long.
    package static let ownInsertPause = Duration.seconds(2)
    package static let longestOwnInsertPause = Duration.seconds(60)
    /// Records whose held events one transaction applies.
    package static let releasedRecords = 200
}
