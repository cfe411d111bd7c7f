/// The advisory locks of the queue. Each lock key is two numbers; the first one is `space`.
enum AdvisoryLock {
    /// "jobs" in ASCII.
    static let space = 0x6a6f_6273
    /// Held by the worker that reconciles. Workers' own locks have random numbers from 1.
    static let reconciler = 0
}
