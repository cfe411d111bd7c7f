/// Names in a tenant's schema, as Heroku Connect forms them.
///
/// Postgres keeps 63 bytes of a name and cuts the rest without a word, so that two long names can become one.
/// A name that is too long keeps its first 54 bytes and gets `_` and eight hexadecimal digits of the FNV-1a hash
/// of the whole name: the same in each run, and different for different names.
enum Identifier {
    /// `name` itself, or its shortened form. Non-ASCII bytes never occur: API names have none.
    static func fitting(_ name: String) -> String {
        guard name.utf8.count > ReplicationLimits.identifierBytes else { return name }
        let kept = name.utf8.prefix(ReplicationLimits.identifierBytes - 9)
        return String(decoding: kept, as: UTF8.self) + "_" + hash(name)
    }

    /// `"name"`, with quotes inside doubled.
    static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// `'text'` as an SQL string constant. Backslashes mean nothing in it (`standard_conforming_strings`).
    static func literal(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }

    /// `$tag$text$tag$`: a string constant that needs no escapes, with a tag that does not occur in the text.
    static func dollarQuoted(_ text: String) -> String {
        var tag = "$multiconnect$"
        var number = 0
        // With one more `$`, because a tag without it at the end of the text would join the closing tag.
        while (text + "$").contains(tag) {
            number += 1
            tag = "$multiconnect\(number)$"
        }
        return tag + text + tag
    }

    /// 64-bit FNV-1a folded to 32 bits.
    private static func hash(_ text: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            hash ^= UInt64(byte)
            hash &*= 0x100_0000_01b3
        }
        let digits = String(UInt32(truncatingIfNeeded: hash ^ (hash >> 32)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
