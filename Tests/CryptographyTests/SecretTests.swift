import Testing

@testable import Cryptography

struct SecretTests {
    struct Account {
        let name = "user"
        let password: Secret
        let keys: [Secret?]
    }

    @Test func `no textual form contains the bytes`() {
        let secret = Secret(text: "hunter2")
        var dumped = ""
        dump(Account(password: secret, keys: [secret, nil]), to: &dumped)
        let forms = [
            "\(secret)", String(describing: secret), String(reflecting: secret), secret.description,
            secret.debugDescription, "\(Account(password: secret, keys: [secret]))", dumped,
            String(describing: Optional(secret)), String(reflecting: [secret]),
            "\(Mirror(reflecting: secret))",
        ]
        for form in forms {
            #expect(!form.contains("hunter2"))
            #expect(!form.contains("104"), "the first byte in decimal")
        }
        #expect("\(secret)" == "<redacted>")
        #expect(dumped.contains("<redacted>"))
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }

    @Test func `a secret is revealed on request`() {
        let secret = Secret(text: "pässword")
        #expect(secret.revealText() == "pässword")
        #expect(secret.reveal() == Array("pässword".utf8))
        #expect(secret.count == 9)
        #expect(Secret([0xff]).revealText() == nil)
        #expect(Secret([]).isEmpty)
        #expect(Secret([]).reveal().isEmpty)
    }

    @Test func `secrets are equal when their bytes are`() {
        #expect(Secret(text: "a") == Secret([97]))
        #expect(Secret(text: "a") != Secret(text: "b"))
        #expect(Secret(text: "a") != Secret(text: "aa"))
    }
}
