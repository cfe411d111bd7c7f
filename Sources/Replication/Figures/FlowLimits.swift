/// The named limits of the counters that charts show.
package enum FlowLimits {
    /// Interval between additions to the counters of all tenants together.
    package static let period = Duration.seconds(5)
    /// Additions of a process to the counters of tenants: one in this many periods.
    package static let tenantPeriods = 6
    /// How long the counters of minutes are kept.
    static let minutes = Duration.seconds(2 * 86_400)
    /// How long the counters of hours are kept.
    static let hours = Duration.seconds(62 * 86_400)
    /// How long the counters of days are kept.
    static let days = Duration.seconds(800 * 86_400)
    /// How long the hourly counters of tenants are kept: 200 rows per active tenant.
    static let tenantHours = Duration.seconds(8 * 86_400)
    /// Rows that one statement of pruning removes.
    static let pruneBatch = 1_000
    /// Intervals of a chart that one query reads.
    static let shownIntervals = 1_500
}
