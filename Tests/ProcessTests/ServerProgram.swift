import Foundation
import Synchronization

/// A server of one test that can be killed and restarted with the same settings.
final class ServerProgram: Sendable {
    private let start: @Sendable () throws -> Program
    private let current: Mutex<Program>

    init(_ start: @escaping @Sendable () throws -> Program) throws {
        self.start = start
        current = Mutex(try start())
    }

    var program: Program { current.withLock { $0 } }

    func kill() { program.kill() }

    func restart() throws {
        let program = try start()
        current.withLock { $0 = program }
    }
}
