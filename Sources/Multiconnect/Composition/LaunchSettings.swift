import Cryptography
import FoundationEssentials
import HTTPClient
import Organizations
import TenantSchema

extension Launch {
    /// Reads the default mapping. An invalid file stops the process.
    func mappings() throws -> MappingFile {
        let path = configuration.mappingFile
        let located = FileManager.default.fileExists(atPath: path) ? path : try Migrations.locate(path)
        let bytes = try Array(Data(contentsOf: URL(filePath: located)))
        do throws(TenantSchemaError) {
            let resolver = NameResolver(namespace: configuration.namespace)
            return try MappingFile(parsing: bytes, resolver: resolver)
        } catch {
            throw MappingFileProblem(path: located, problem: error.message)
        }
    }

    /// The mapping file is invalid.
    struct MappingFileProblem: Error, CustomStringConvertible {
        let path: String
        let problem: String

        var description: String { "the mapping file \(path) is not valid: \(problem)" }
    }

    func mail() throws -> MailSettings {
        MailSettings(
            server: try configuration.smtpURL?.revealText().map { try MailServer(url: $0) },
            sender: configuration.mailFrom, support: configuration.brand.support,
            developmentRecipient: configuration.developmentAddress, limits: configuration.mailLimits)
    }
}
