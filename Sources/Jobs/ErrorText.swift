/// An error as the row and Sidekiq's pages show it.
struct ErrorText: Sendable, Equatable {
    /// The name of the error's type; only characters that Sidekiq's pages can show unescaped.
    let className: String
    /// Its safe description, cut to what Sidekiq keeps.
    let message: String

    init(className: String, message: String, limits: JobsLimits) {
        let safe = className.unicodeScalars.map { scalar -> Character in
            let isSafe =
                ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || ("0"..."9").contains(scalar)
                || scalar == "_" || scalar == "." || scalar == ":"
            return isSafe ? Character(scalar) : "_"
        }
        self.className = String(safe.prefix(200))
        // Postgres' text has no NUL.
        self.message = String(
            message.unicodeScalars.filter { $0.value != 0 }.prefix(limits.errorCharacters).map(Character.init)
        )
    }

    init(_ error: any Error, limits: JobsLimits) {
        self.init(className: "\(type(of: error))", message: "\(error)", limits: limits)
    }
}
