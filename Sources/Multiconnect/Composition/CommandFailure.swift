/// Why a command failed: a message, and the exit status (sysexits.h).
struct CommandFailure: Error {
    /// The output lacks rows.
    static let incomplete: Int32 = 3
    static let dataError: Int32 = 65
    static let noInput: Int32 = 66
    static let unavailable: Int32 = 69
    /// The same command may work later.
    static let temporary: Int32 = 75

    let message: String
    let code: Int32

    init(_ message: String, code: Int32 = 1) {
        self.message = message
        self.code = code
    }
}
