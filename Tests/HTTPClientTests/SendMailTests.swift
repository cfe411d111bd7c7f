import Foundation
import Reactor
import Synchronization
import Testing

@testable import HTTPClient

/// A mail server that records its input. Replies may be replaced, by the command's first word.
final class MailScript: Sendable {
    let commands = Mutex<[String]>([])
    let data = Mutex<[String]>([])
    let replies: [String: String]

    init(replies: [String: String] = [:]) {
        self.replies = replies
    }

    func serve(_ connection: RawConnection) async throws {
        try await connection.write("220 ready\r\n")
        while let line = try await connection.line() {
            commands.withLock { $0.append(line) }
            let word = String(line.prefix { $0 != " " && $0 != ":" })
            if let reply = replies[word] {
                try await connection.write(reply + "\r\n")
                continue
            }
            switch word {
            case "EHLO": try await connection.write("250-here\r\n250-SIZE 1000000\r\n250 AUTH PLAIN\r\n")
            case "AUTH":
                try await connection.write("334 \r\n")
                guard let credentials = try await connection.line() else { return }
                commands.withLock { $0.append(credentials) }
                try await connection.write("235 ok\r\n")
            case "DATA":
                try await connection.write("354 go\r\n")
                while let line = try await connection.line(), line != "." {
                    data.withLock { $0.append(line) }
                }
                try await connection.write((replies["."] ?? "250 taken") + "\r\n")
            case "QUIT": try await connection.write("221 bye\r\n")
            default: try await connection.write("250 ok\r\n")
            }
        }
    }
}

struct SendMailTests {
    func message(_ text: String = "Hello") throws -> MailMessage {
        MailMessage(
            from: try MailAddress("sync@app.example"),
            to: [try MailAddress("one@customer.example"), try MailAddress("two@customer.example")],
            subject: "Consent", text: text, date: Date(timeIntervalSince1970: 0), id: "1")
    }

    func send(
        _ message: MailMessage, to script: MailScript,
        url: @escaping @Sendable (RawServer) -> String = {
            "smtp://127.0.0.1:\($0.port)"
        }
    ) async throws -> HTTPClientError? {
        try await RawServer.serve {
            try await script.serve($0)
        } while: { server in
            do {
                try await HTTPClient().sendMail(message, server: MailServer(url: url(server)))
                return nil
            } catch let error as HTTPClientError {
                return error
            }
        }
    }

    @Test func `a mail is sent to all its recipients, with lines that begin with a dot`() async throws {
        let script = MailScript()
        let error = try await send(message("first\n.\n..second"), to: script)
        #expect(error == nil, "\(String(reflecting: error))")
        let commands = script.commands.withLock { $0 }
        #expect(commands.first == "EHLO app.example")
        #expect(commands.contains { $0.hasPrefix("MAIL FROM:<sync@app.example>") })
        #expect(
            commands.filter { $0.hasPrefix("RCPT") } == [
                "RCPT TO:<one@customer.example>", "RCPT TO:<two@customer.example>",
            ])
        let lines = script.data.withLock { $0 }
        #expect(lines.contains("Subject: Consent"))
        // RFC 5321 section 4.5.2: the sender doubles the dot.
        #expect(lines.suffix(3) == ["first", "..", "...second"])
    }

    @Test func `user and password are sent`() async throws {
        let script = MailScript()
        let error = try await send(message(), to: script) { "smtp://us%40er:p%3Ass@127.0.0.1:\($0.port)" }
        #expect(error == nil, "\(String(reflecting: error))")
        let credentials = Data("\0us@er\0p:ss".utf8).base64EncodedString()
        let commands = script.commands.withLock { $0 }
        #expect(commands.contains("AUTH PLAIN"))
        #expect(commands.contains(credentials))
    }

    @Test func `a refused login has its code`() async throws {
        let script = MailScript(replies: ["AUTH": "535 no"])
        let error = try await send(message(), to: script) { "smtp://user:pass@127.0.0.1:\($0.port)" }
        #expect(error?.code == .loginDenied)
        #expect(error?.replyCode == 535)
        #expect(script.data.withLock { $0.isEmpty })
    }

    @Test(arguments: [
        ("MAIL", "451 later"), ("RCPT", "550 unknown"), ("DATA", "452 full"), (".", "554 spam"),
    ])
    func `a refusal has the server's reply code`(command: String, reply: String) async throws {
        let error = try await send(message(), to: MailScript(replies: [command: reply]))
        #expect(error?.code == .refused, "\(String(reflecting: error))")
        #expect(error?.replyCode == Int(reply.prefix(3)))
    }

    @Test func `without STARTTLS nothing is sent when TLS is required`() async throws {
        let script = MailScript()
        let error = try await send(message(), to: script) {
            "smtp://user:pass@127.0.0.1:\($0.port)?tls=required"
        }
        #expect(error?.code == .tls)
        #expect(error?.requestWasSent == false)
        #expect(!script.commands.withLock { $0 }.contains { $0.hasPrefix("AUTH") || $0.hasPrefix("MAIL") })
    }

    @Test func `a silent server times out`() async throws {
        let text = try message()
        try await RawServer.serve {
            try await $0.untilClientLeaves()
        } while: { server in
            await #expect {
                try await HTTPClient().sendMail(
                    text, server: MailServer(url: "smtp://127.0.0.1:\(server.port)"),
                    deadline: .now + .milliseconds(20))
            } throws: { error in
                (error as? HTTPClientError)?.code == .timedOut
            }
        }
    }

    @Test func `a refusal has the server's name and reply, without the recipient`() async throws {
        let script = MailScript(replies: ["RCPT": "550-5.1.1 <one@customer.example>:\r\n550 nobody here"])
        let error = try await send(message(), to: script) { "smtp://127.0.0.1:\($0.port)" }
        let text = "\(try #require(error))"
        #expect(text.hasPrefix("mail server smtp://127.0.0.1:"))
        #expect(text.hasSuffix(": refused: 550 5.1.1 <recipient>: nobody here"), "\(text)")
        #expect(error?.isPermanentRefusal == true)
    }

    @Test func `a refused login, a refused connection and an unknown host have different texts`()
        async throws
    {
        let script = MailScript(replies: ["AUTH": "535 5.7.8 wrong password"])
        let login = try await send(message(), to: script) { "smtp://user:pass@127.0.0.1:\($0.port)" }
        #expect("\(try #require(login))".contains("loginDenied: 535 5.7.8 wrong password"))
        #expect(login?.isPermanentRefusal == false)
        for url in ["smtp://127.0.0.1:1", "smtp://nowhere.invalid:25"] {
            let error = try await send(message(), to: MailScript()) { _ in url }
            let text = "\(try #require(error))"
            #expect(text.hasPrefix("mail server \(url): ") && text.contains("(curl "), "\(text)")
            #expect(text.utf8.count > "mail server \(url): connect (curl 7)".utf8.count, "\(text)")
        }
    }

    @Test func `only the last refusal counts`() {
        var refusals = MailRefusals()
        for line in ["250-ok", "500 what?", "250 fine", "451-first", "451 second", "221 bye"] {
            refusals.take(Array((line + "\r\n").utf8))
        }
        #expect(refusals.text(of: 451) == "451 first second")
        #expect(refusals.text(of: 500) == nil && refusals.text(of: 221) == nil)
    }
}
