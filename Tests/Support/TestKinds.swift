package import Testing

/// The servers and processes that a suite needs. A suite without a tag is pure: it needs none.
///
/// `bin/test --kind KIND` runs one kind alone.
extension Tag {
    /// The suite needs the private Postgres or Redis of `bin/test`, or starts a Redis.
    @Tag package static var store: Self
    /// It starts the built binary as a process, with servers beside it.
    @Tag package static var process: Self
    /// It runs clients of others: the real Sidekiq over our keys, or Python clients against the simulator.
    @Tag package static var interop: Self
    /// It kills processes, holds thousands of connections or waits for real leases: only `bin/test --long`
    /// runs it.
    @Tag package static var long: Self
}
