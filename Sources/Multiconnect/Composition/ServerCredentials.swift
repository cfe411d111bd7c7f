import Logging
import Synchronization
import TLS

/// The certificate and key of the web process. SIGHUP reloads them for new connections.
final class ServerCredentials: Sendable {
    private let files: (certificate: String, key: String)
    private let current: Mutex<TLSContext>

    /// Throws if the files are not a valid certificate with its key.
    init(_ files: (certificate: String, key: String)) throws {
        self.files = files
        current = Mutex(try TLSContext.server(certificateFile: files.certificate, keyFile: files.key))
    }

    var context: TLSContext { current.withLock { $0 } }

    /// Reads the files again. Invalid files are logged, and the old certificate stays.
    func reload(_ logger: Logger) {
        do {
            let fresh = try TLSContext.server(certificateFile: files.certificate, keyFile: files.key)
            current.withLock { $0 = fresh }
            logger.notice("certificate reloaded", metadata: ["file": "\(files.certificate)"])
        } catch {
            logger.error(
                "could not reload certificate, keeping the old one", metadata: ["error": "\(error)"])
        }
    }
}
