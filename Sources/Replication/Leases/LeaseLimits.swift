/// The limits and periods of leases.
package struct LeaseLimits: Sendable {
    /// How long a lease lasts without renewal. A stopped or cut-off worker is lost after this time.
    package var lease: Duration = .seconds(10)
    /// The interval of renewals.
    package var renewal: Duration = .seconds(2)
    /// Runs are cancelled this long before the lease ends, so that they end within it.
    package var margin: Duration = .seconds(2)
    /// The interval of searches for lost holders.
    package var check: Duration = .seconds(1)
    /// How long a holder's session lock may be missing: it may be reconnecting.
    package var lockLoss: Duration = .milliseconds(1500)
    /// The interval of plans. A notification starts a plan at once.
    package var planning: Duration = .seconds(5)
    /// The shortest pause between two plans after notifications.
    package var planPause: Duration = .milliseconds(200)
    /// The interval at which all tenants are read again, in case a notification was lost.
    package var listing: Duration = .seconds(60)
    /// The most tenants that one plan acquires. While there are more, the next plan follows at once.
    package var acquired = 500
    /// The most tenants that one plan hands over.
    package var handedOver = 200
    /// A worker hands tenants over if its load is above the mean by more than this percentage.
    package var tolerancePercent = 20
    /// After this time a free tenant is acquired above the mean load: another worker has not taken it.
    package var freeWait: Duration = .seconds(10)
    /// The deadline of a statement about leases.
    package var statement: Duration = .seconds(3)
    /// The longest wait of a takeover for transactions of the sessions that it has terminated.
    package var takeoverWait: Duration = .seconds(2)
    /// The pause before a failed run starts again. It doubles up to `longestRestart`.
    package var restart: Duration = .seconds(1)
    /// The longest pause before a failed run starts again.
    package var longestRestart: Duration = .seconds(300)
    /// A stop waits this long for the ends of runs before it leaves their leases to expire.
    package var stop: Duration = .seconds(15)
    /// Rows of a tenant that add one to its weight.
    package var weightRows = 500_000
    /// The largest weight of a tenant.
    package var largestWeight = 20

    package init() {}
}
