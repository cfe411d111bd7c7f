import Testing

@testable import Multiconnect

/// The line of long work on a terminal.
struct ProgressBarTests {
    @Test(arguments: [
        (0, 4, "verify [........................]   0 %  0 of 4"),
        (2, 4, "verify [############............]  50 %  2 of 4"),
        (4, 4, "verify [########################] 100 %  4 of 4"),
        (9, 4, "verify [########################] 100 %  4 of 4"),
        (1_500, 3_000, "verify [############............]  50 %  1,500 of 3,000"),
    ])
    func `the bar shows the part that is done`(done: Int, total: Int, text: String) {
        #expect(ProgressBar.text("verify", done: done, total: total) == text)
    }

    @Test(arguments: [
        (80, "verify [############............]  50 %  1,500 of 3,000"),
        (40, "verify [####....]  50 %  1,500 of 3,000"),
        (30, "verify  50 %  1,500 of 3,000"), (20, "verify  50 %  1,50…"), (1, "…"),
    ])
    func `the line is narrower than the terminal`(width: Int, text: String) {
        #expect(ProgressBar.text("verify", done: 1_500, total: 3_000, width: width) == text)
        #expect(text.count < width || width == 1)
    }

    @Test func `the lines of a table are cut at the width of the terminal, and in a pipe they are whole`() {
        let rows = [["a", "long text"], ["bb", "x"]]
        #expect(TextTable.text(["ONE", "TWO"], rows, width: 9) == "ONE  TWO\na    lon…\nbb   x")
        #expect(TextTable.text(["ONE", "TWO"], rows, width: nil) == "ONE  TWO\na    long text\nbb   x")
    }

    @Test func `without a total the number is shown`() {
        #expect(ProgressBar.text("cancel", done: 12_345, total: nil) == "cancel  12,345")
        #expect(ProgressBar.text("cancel", done: 3, total: 0) == "cancel  3")
    }
}
