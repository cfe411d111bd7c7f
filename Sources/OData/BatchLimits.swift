/// Limits of a batch as a whole. Each of its requests also has the limits of a request of its own.
package struct BatchLimits: Sendable {
    /// After this time the rest of the batch is refused. Source: proxies wait one to two minutes.
    package var time = Duration.seconds(60)
    /// Above this size of the answers so far the rest of the batch is refused.
    package var answerBytes = 16 * 1024 * 1024

    package init() {}
}
