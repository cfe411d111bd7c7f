import Logging
import Synchronization
import TLS

/// The web process's certificate and key, read again on SIGHUP for the connections to come.
final class ServerCredentials: Sendable {
    private let files: (certificate: String, key: String)
    private let current: Mutex<TLSContext>

    /// Throws when the files do not make a server's credentials: the process does not start then.
    init(_ files: (certificate: String, key: String)) throws {
        self.files = files
        current = Mutex(try TLSContext.server(certificateFile: files.certificate, keyFile: files.key))
    }

    var context: TLSContext { current.withLock { $0 } }

    /// Reads the files again; if they are not right, what was there stays.
    func reload(_ logger: Logger) {
        do {
            let fresh = try TLSContext.server(certificateFile: files.certificate, keyFile: files.key)
            current.withLock { $0 = fresh }
            logger.notice("certificate reloaded", metadata: ["file": "\(files.certificate)"])
        } catch {
            logger.error(
                "the certificate was not reloaded; the former one stays", metadata: ["error": "\(error)"])
        }
    }
}
