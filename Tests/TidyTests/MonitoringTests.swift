import Foundation
import Testing

/// The dashboard and the alert rules of `docs/monitoring`, and the metrics that they name.
struct MonitoringTests {
    /// The program's metrics by name, with their kinds.
    private static let metrics: [String: String] = {
        var metrics: [String: String] = [:]
        for file in SourceTree.sources {
            let text = file.lines.joined(separator: "\n")
            for metric in text.matches(of: /Metric\(\s*"([a-z_]+)", \.(\w+),/) {
                metrics[String(metric.1)] = String(metric.2)
            }
        }
        return metrics
    }()

    /// The names in a file, without the suffixes of histograms.
    private static func names(in text: String) -> Set<String> {
        Set(
            text.matches(of: /\b(?:multiconnect|process)_[a-z_]+/).map { match in
                let name = String(match.0)
                let base = name.replacing(/_(bucket|sum|count)$/, with: "")
                return metrics[base] == "histogram" ? base : name
            })
    }

    private static func panels() throws -> [[String: Any]] {
        let data = Data(try SourceTree.text("docs/monitoring/dashboard.json").utf8)
        let document = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require(document["panels"] as? [[String: Any]])
    }

    @Test(arguments: ["docs/monitoring/dashboard.json", "docs/monitoring/alerts.yml"])
    func `each metric that the file names exists in the program`(file: String) throws {
        #expect(Self.metrics.count > 40)
        let names = Self.names(in: try SourceTree.text(file))
        #expect(names.count > 10)
        for name in names.sorted() { #expect(Self.metrics[name] != nil, "\(file): \(name)") }
    }

    @Test func `each metric is documented`() throws {
        let page = try SourceTree.text("docs/metrics.md")
        for name in Self.metrics.keys.sorted() { #expect(page.contains("`\(name)`"), "\(name)") }
    }

    @Test func `the dashboard shows each metric of the program, apart from its own`() throws {
        let shown = Self.names(in: try SourceTree.text("docs/monitoring/dashboard.json"))
        // Shown by others: the version, figures that are derived from shown ones.
        let others: Set<String> = [
            "multiconnect_build_info", "multiconnect_jobs_enqueued_total", "multiconnect_jobs_finished_total",
            "multiconnect_jobs_retried_total", "multiconnect_jobs_recovered_total", "multiconnect_queue_jobs",
            "multiconnect_http_connections", "multiconnect_postgres_connections_idle",
            "process_start_time_seconds", "process_max_fds",
        ]
        #expect(Set(Self.metrics.keys).subtracting(others).subtracting(shown).sorted() == [])
    }

    @Test func `each panel has its own number and title, and panels with data have queries`() throws {
        let panels = try Self.panels()
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
        #expect(Set(panels.compactMap { $0["title"] as? String }).count == panels.count)
        for panel in panels where panel["type"] as? String != "row" {
            let queries = (panel["targets"] as? [[String: Any]] ?? []).compactMap { $0["expr"] as? String }
            #expect(!queries.isEmpty && queries.allSatisfy { !$0.isEmpty }, "\(panel["title"] ?? "")")
        }
    }

    @Test func `each alert rule has a summary, and a runbook that exists`() throws {
        let rules = try SourceTree.text("docs/monitoring/alerts.yml").components(separatedBy: "- alert: ")
            .dropFirst()
        #expect(rules.count > 10)
        for rule in rules {
            let name = rule.prefix { !$0.isNewline }
            #expect(rule.contains("summary: ") && rule.contains("expr: "), "\(name)")
            let runbook = try #require(rule.firstMatch(of: /runbook: (\S+)#(\S+)/), "\(name)")
            let headings = try SourceTree.text(String(runbook.1)).split(separator: "\n").filter {
                $0.hasPrefix("#")
            }.map { heading in
                heading.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
                    .replacing(" ", with: "-")
            }
            #expect(headings.contains(String(runbook.2)), "\(name): \(runbook.2)")
        }
    }
}
