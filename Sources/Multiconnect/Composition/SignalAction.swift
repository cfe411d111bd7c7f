import Synchronization

/// The action for a signal that does not end the process. The signal may arrive before the action is set.
final class SignalAction: Sendable {
    private let state = Mutex<(action: (@Sendable () -> Void)?, isPending: Bool)>((nil, false))

    /// Sets the action. Runs it at once if the signal has already arrived.
    func set(_ action: @escaping @Sendable () -> Void) {
        let isPending = state.withLock { state in
            defer { state = (action, false) }
            return state.isPending
        }
        if isPending { action() }
    }

    /// Runs the action, or remembers the signal until there is one.
    func signal() {
        let action = state.withLock { state in
            if state.action == nil { state.isPending = true }
            return state.action
        }
        action?()
    }
}
