internal import Reactor
package import Salesforce

/// Stops calls to an org that does not work, so that it does not hold slots and connections that other orgs
/// need.
///
/// After several failures in a row calls fail at once, until a pause is over. Then one call is sent as a
/// probe: if it succeeds, calls are sent again; if it fails, the next pause is longer.
package struct OrgCircuit: Sendable, Equatable {
    private var failures = 0
    /// Pauses since the last success.
    private var pauses = 0
    private var openUntil: ContinuousClock.Instant?
    private var probeUntil: ContinuousClock.Instant?

    package init() {}

    /// Nil if a call may be sent; else the time after which it may be tried again.
    package mutating func refusal(now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard let until = openUntil else { return nil }
        if now < until { return until }
        // A probe whose end is never reported must not stop the org.
        if let probeUntil, now < probeUntil { return probeUntil }
        probeUntil = now + OrganizationsLimits.circuitProbe
        return nil
    }

    /// Takes the end of a call.
    ///
    /// - Parameter chance: a random number from 0 to 1, which spreads processes.
    package mutating func end(_ outcome: CallOutcome, now: ContinuousClock.Instant, chance: Double) {
        switch outcome {
        case .failed(let code) where Self.isFailure(code): fail(now, chance)
        case .cancelled: probeUntil = nil
        // An org that refuses a call works.
        case .answered, .failed: self = OrgCircuit()
        }
    }

    private mutating func fail(_ now: ContinuousClock.Instant, _ chance: Double) {
        failures += 1
        // Calls that were sent before the pause began do not make it longer.
        if let openUntil, now < openUntil { return }
        guard failures >= OrganizationsLimits.circuitFailures || pauses > 0 else { return }
        pauses += 1
        probeUntil = nil
        openUntil = now + OrganizationsLimits.circuitBackoff.pause(after: pauses, chance: chance)
    }

    /// Whether the next call would probably fail too, whatever it asks.
    private static func isFailure(_ code: SalesforceError.Code) -> Bool {
        switch code {
        case .serverUnavailable, .requestLimit, .rateLimited, .timedOut, .unreachable, .interrupted: true
        default: false
        }
    }
}
