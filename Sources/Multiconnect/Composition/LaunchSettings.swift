import Cryptography
import FoundationEssentials
import HTTPClient
import Organizations
import Replication

extension Launch {
    /// The default mapping, read at start: a broken file stops the process with its place named.
    func mappings() throws -> MappingFile {
        let path = configuration.mappingFile
        let located = FileManager.default.fileExists(atPath: path) ? path : try Migrations.locate(path)
        let bytes = try Array(Data(contentsOf: URL(filePath: located)))
        do throws(ReplicationError) {
            let resolver = NameResolver(namespace: configuration.namespace)
            return try MappingFile(parsing: bytes, resolver: resolver)
        } catch {
            throw MappingFileProblem(path: located, problem: error.message)
        }
    }

    /// A mapping file that cannot be read: the problem and its place.
    struct MappingFileProblem: Error, CustomStringConvertible {
        let path: String
        let problem: String

        var description: String { "the mapping file \(path) is not valid: \(problem)" }
    }

    func mail() throws -> MailSettings {
        MailSettings(
            server: try configuration.smtpURL?.revealText().map { try MailServer(url: $0) },
            sender: configuration.mailFrom,
            developmentRecipient: configuration.developmentAddress, limits: configuration.mailLimits)
    }
}
