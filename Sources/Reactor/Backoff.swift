/// Pauses between attempts: each is `factor` times as long as the one before, up to a maximum.
package struct Backoff: Sendable {
    private let initial: Duration
    private let maximum: Duration
    private let factor: Int
    private let jitter: Double
    private var attempt = 0

    /// - Parameter jitter: 0 to 1. A pause differs from its regular length by up to this fraction, so that
    ///   callers spread.
    package init(initial: Duration, maximum: Duration, factor: Int = 2, jitter: Double = 0) {
        precondition(initial > .zero && initial <= maximum && factor > 1 && (0...1).contains(jitter))
        self.initial = initial
        self.maximum = maximum
        self.factor = factor
        self.jitter = jitter
    }

    /// The pause after one more failed attempt.
    package mutating func next(chance: Double = .random(in: 0...1)) -> Duration {
        attempt += 1
        return pause(after: attempt, chance: chance)
    }

    /// Begins with the initial pause again.
    package mutating func reset() { attempt = 0 }

    /// The pause after the given number of failed attempts.
    ///
    /// - Parameter chance: 0 to 1: 0 is the shortest pause, 1 the longest.
    package func pause(after attempts: Int, chance: Double) -> Duration {
        var pause = initial
        var left = attempts - 1
        while left > 0, pause < maximum {
            pause *= factor
            left -= 1
        }
        return min(pause, maximum) * (1 + jitter * (2 * chance - 1))
    }
}
