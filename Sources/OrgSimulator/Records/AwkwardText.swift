/// Texts that break importers: quotes, separators, line ends, COPY's end mark, control characters, emoji.
///
/// Some text fields of generated rows hold them.
enum AwkwardText {
    /// A random number of 0..<1024 below this gives an awkward value.
    static let share: UInt64 = 24

    /// For fields of one line.
    static let lines: [[UInt8]] = [
        #"say "cheese""#, #"""#, #"""""#, ",", #"a,"b",,c"#, #"\."#, #"\N"#, #"\\"#, #"back\slash\n"#, "NULL",
        "null", "#N/A", "'", "Robert'); DROP TABLE students;--", "=1+1", "0", "-", "tab\there",
        "nul\u{0}inside", "\u{0}first", "😀 👩‍👩‍👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿", "日本語テキスト", "ŁÓDŹ ß ﬁ", "e\u{301} combining",
        "zero\u{200B}width",
        "\u{FEFF}bom", "line\u{2028}separator", "<b>&amp;</b>", "{\"json\": [1]}", "50%_off", "$1 ${x} #{y}",
    ].map { Array($0.utf8) }

    /// For fields of several lines, in addition to those of one line.
    static let paragraphs: [[UInt8]] =
        lines
        + [
            "first\nsecond", "\\.\n", "before\n\\.\nafter", "windows\r\nline", "old mac\rline", "\n",
            "\n\n\n",
            "quote at end\"\n\"and start", "comma,\nnew \"line\",\r\n\\.\r\nend", "nul\u{0}\nnul\u{0}",
        ].map { Array($0.utf8) }
}
