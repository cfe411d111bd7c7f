/// What becomes of a job whose worker fell silent while it ran.
package enum CrashRule {
    /// Whether a job with so many silent ends in a row, this one included, is a poison pill.
    package static func isPoison(crashClaims: Int, limits: JobsLimits) -> Bool {
        crashClaims >= limits.crashClaims
    }
}
