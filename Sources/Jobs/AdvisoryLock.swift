/// The advisory locks of the queue: two numbers each, the first of which is this target's own.
enum AdvisoryLock {
    /// "jobs" in ASCII; everything else in the database keeps clear of it.
    static let space = 0x6a6f_6273
    /// Who reconciles. Workers take random keys from 1 upwards.
    static let reconciler = 0
}
