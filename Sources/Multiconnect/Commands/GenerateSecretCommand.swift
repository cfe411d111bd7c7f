import ArgumentParser
import Cryptography
import Reactor

/// `multiconnect generate-secret`
struct GenerateSecretCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate-secret", abstract: "Prints a new value for SECRET: 32 random bytes as base64.")

    func run() async throws {
        try StandardOutput.writeAll(try SecretKey.generate().revealText() + "\n")
    }
}
