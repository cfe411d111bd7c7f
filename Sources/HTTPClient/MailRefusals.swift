/// The last refusing reply of a mail server (RFC 5321, section 4.2), parsed from its lines.
struct MailRefusals {
    private static let characters = 500

    private var code = 0
    private var lines: [String] = []
    private var isOpen = false

    /// Adds one line of any reply.
    mutating func take(_ line: [UInt8]) {
        let text = line.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: " ") : $0 }
        guard let number = Int(String(decoding: text.prefix(3), as: UTF8.self)) else { return }
        defer { isOpen = text.count > 3 && text[3] == UInt8(ascii: "-") }
        guard number >= 400 else { return }
        if !isOpen || number != code { lines = [] }
        code = number
        let words = String(decoding: text.dropFirst(4), as: UTF8.self)
        lines.append(words.split(separator: " ").joined(separator: " "))
    }

    /// The refusal with this code as one line. Nil if the last refusal has another code, or if there was no
    /// refusal.
    func text(of number: Int) -> String? {
        guard code == number, code > 0 else { return nil }
        let words = lines.filter { !$0.isEmpty }.joined(separator: " ")
        return String("\(code) \(words)".prefix(Self.characters))
    }
}
