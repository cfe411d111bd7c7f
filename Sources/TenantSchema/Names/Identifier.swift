/// Names and constants in SQL text.
///
/// Postgres silently truncates names to 63 bytes, so two long names can become one. A longer name keeps its
/// first 54 bytes and gets `_` and eight hexadecimal digits of the FNV-1a hash of the whole name: stable
/// between runs, different for different names.
package enum Identifier {
    /// `name` itself, or its shortened form. API names are ASCII, so a cut never splits a character.
    package static func fitting(_ name: String) -> String {
        guard name.utf8.count > TenantSchemaLimits.identifierBytes else { return name }
        let kept = name.utf8.prefix(TenantSchemaLimits.identifierBytes - 9)
        return String(decoding: kept, as: UTF8.self) + "_" + hash(name)
    }

    /// `"name"`, with quotes inside doubled.
    package static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }

    /// `'text'` as an SQL string constant. Backslashes are plain characters (`standard_conforming_strings` is
    /// on).
    package static func literal(_ text: String) -> String {
        "'" + text.replacing("'", with: "''") + "'"
    }

    /// `$tag$text$tag$`: a string constant without escapes. The tag does not occur in the text.
    package static func dollarQuoted(_ text: String) -> String {
        var tag = "$multiconnect$"
        var number = 0
        // The extra `$` also excludes a text that ends in a tag without its last `$`: the closing tag would
        // begin there.
        while (text + "$").contains(tag) {
            number += 1
            tag = "$multiconnect\(number)$"
        }
        return tag + text + tag
    }

    /// 64-bit FNV-1a folded to 32 bits.
    private static func hash(_ text: String) -> String {
        let hash = fnv1a(text)
        let digits = String(UInt32(truncatingIfNeeded: hash ^ (hash >> 32)), radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    /// 64-bit FNV-1a.
    static func fnv1a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
