extension ReplicationLimits {
    /// Changes that were made up to this time after the restored time count as restored. A restore takes
    /// longer than that, so that no change of a restored application is among them.
    package static let restoreMargin = Duration.seconds(10 * 60)
    /// Changes of one recorded request after a restore.
    static let restoredPerAttempt = 200
}
