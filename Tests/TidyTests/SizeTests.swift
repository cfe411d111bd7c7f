import Foundation
import Testing

/// Limits of files, functions and lines. There are no exceptions.
struct SizeTests {
    private static let fileLines = 400
    private static let functionLines = 70

    /// The formatter's limit.
    private static let lineColumns: Int = {
        let text = (try? SourceTree.text(".swift-format")) ?? ""
        return text.firstMatch(of: /"lineLength": (\d+)/).flatMap { Int($0.1) } ?? 0
    }()

    @Test(arguments: SourceTree.sources)
    func `a file has at most 400 lines, a function 70, and a line what swift-format allows`(file: SourceFile)
    {
        #expect(Self.lineColumns > 0)
        // The text ends with a line end, so the last line is empty.
        #expect(file.lines.count - 1 <= Self.fileLines, "\(file) has \(file.lines.count - 1) lines")
        for (index, line) in file.lines.enumerated() where line.count > Self.lineColumns {
            Issue.record("\(file):\(index + 1) has \(line.count) columns")
        }
        for function in file.declarations.functions {
            let length = function.lastLine - function.firstLine + 1
            #expect(
                length <= Self.functionLines,
                "\(file):\(function.firstLine + 1): a function of \(length) lines")
        }
    }
}
