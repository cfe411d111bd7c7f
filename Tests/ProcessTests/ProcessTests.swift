import Testing

/// Tests that start the built binary, with real servers beside it. One after the other: each keeps the machine busy.
@Suite(.serialized) enum ProcessTests {}
