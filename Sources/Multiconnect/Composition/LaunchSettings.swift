import Cryptography
import FoundationEssentials
import HTTPClient
import Organizations
import Replication

extension Launch {
    /// The default mapping, read once at start: a broken file stops the process with its place named.
    func mappings() throws -> MappingFile {
        let path = configuration.mappingFile
        let located = FileManager.default.fileExists(atPath: path) ? path : try Migrations.locate(path)
        return try MappingFile(parsing: Array(Data(contentsOf: URL(filePath: located))))
    }

    func mail() throws -> MailSettings {
        MailSettings(
            server: try configuration.smtpURL?.revealText().map { try MailServer(url: $0) },
            sender: configuration.mailFrom,
            developmentRecipient: configuration.developmentAddress)
    }
}
