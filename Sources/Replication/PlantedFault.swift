internal import Synchronization

/// Faults that tests plant to prove that they find them. Release builds have none.
package enum PlantedFault: String, Sendable, CaseIterable {
    /// The lease is not checked before a write.
    case skippedFence
    /// All pages of a poll but the first are dropped.
    case droppedPage
    /// Gap events are ignored.
    case ignoredGap
    /// Polls read from the time mark, without the late window.
    case noOverlap
    /// The users' changes are read before the rows are locked.
    case logBeforeLock
    /// A reload leaves the rows that it did not read.
    case reloadKeepsDeleted
    /// An event that waits for the outcome of an insert is not stored.
    case forgottenHold
    /// The outcome of an attempt is taken as absent without a look-up.
    case skippedLookup
    /// An attempt is looked up at once, while its request may still run.
    case immediateResend

    /// True while tests have planted this fault.
    var isPlanted: Bool {
        #if DEBUG
            (Self.planted ?? Self.ofProcess.withLock { $0 }) == self
        #else
            false
        #endif
    }

    #if DEBUG
        /// The fault of the current task.
        @TaskLocal package static var planted: PlantedFault?
        private static let ofProcess = Mutex<PlantedFault?>(nil)

        /// Plants the fault with this name in the whole process. No name removes it.
        package static func plant(_ name: String?) {
            ofProcess.withLock { $0 = name.flatMap(PlantedFault.init(rawValue:)) }
        }
    #endif
}
