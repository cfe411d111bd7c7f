import Testing

/// Tests with the built binary and real servers. Serialized, because each needs the whole machine.
@Suite(.serialized) enum ProcessTests {}
