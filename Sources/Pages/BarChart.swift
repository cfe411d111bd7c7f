import Encoding

/// A chart of bars over time or over classes, as SVG that the server draws. Screen readers get its title and
/// a summary. The colors come from the style sheet, because the pages allow no inline style.
package struct BarChart: Sendable {
    /// One interval or class.
    package struct Bar: Sendable, Equatable {
        /// Shown when the pointer is on the bar, for example `12:05`.
        package let label: String
        /// Drawn upwards.
        package var up: Int
        /// Drawn downwards from the same line.
        package var down: Int
        /// The part of `up` that is drawn in the color of trouble.
        package var alarm: Int

        package init(label: String, up: Int = 0, down: Int = 0, alarm: Int = 0) {
            self.label = label
            self.up = up
            self.down = down
            self.alarm = alarm
        }
    }

    /// The name of a direction; nil: it is not used.
    package struct Names: Sendable {
        let up: String
        let down: String?
        let alarm: String?

        package init(up: String, down: String? = nil, alarm: String? = nil) {
            self.up = up
            self.down = down
            self.alarm = alarm
        }
    }

    private let title: String
    private let names: Names
    private let bars: [Bar]

    package init(title: String, names: Names, bars: [Bar]) {
        self.title = title
        self.names = names
        self.bars = bars
    }

    /// The size of one bar with its gap, and of the whole drawing, in units of the drawing.
    private static let pitch = 10
    private static let gap = 2
    private static let height = 100

    package var content: HTML {
        """
        <figure class="chart"><figcaption><b>\(title)</b> \(legend)</figcaption>\(drawing)
        <div class="axis"><span>\(bars.first?.label ?? "")</span><span>\(bars.last?.label ?? "")</span></div>
        </figure>
        """
    }

    private var peaks: (up: Int, down: Int) {
        (bars.map(\.up).max() ?? 0, bars.map(\.down).max() ?? 0)
    }

    /// The summary for screen readers.
    var summary: String {
        guard let first = bars.first, let last = bars.last else { return "No data." }
        var parts = ["From \(first.label) to \(last.label)."]
        for (name, number) in totals {
            guard let peak = bars.max(by: { number($0) < number($1) }), number(peak) > 0 else {
                parts.append("\(name): none.")
                continue
            }
            parts.append(
                "\(name): \(DigitGroups.text(sum(number))) in total, "
                    + "at most \(DigitGroups.text(number(peak))) at \(peak.label).")
        }
        return parts.joined(separator: " ")
    }

    private var totals: [(name: String, number: (Bar) -> Int)] {
        var totals: [(String, (Bar) -> Int)] = [(names.up, { $0.up })]
        if let down = names.down { totals.append((down, { $0.down })) }
        if let alarm = names.alarm { totals.append((alarm, { $0.alarm })) }
        return totals
    }

    private func sum(_ number: (Bar) -> Int) -> Int { bars.reduce(0) { $0 + number($1) } }

    private var legend: [HTML] {
        zip(totals, ["up", "down", "alarm"]).map { total, style in
            let style = total.name == names.alarm ? "alarm" : style
            let number = DigitGroups.text(sum(total.number))
            return "<span class=\"key \(style)\">\(total.name) <b>\(number)</b></span>"
        }
    }

    private var drawing: HTML {
        let (up, down) = peaks
        let whole = max(up + down, 1)
        let line = up + down == 0 ? Self.height : Self.height * up / whole
        let shapes = bars.enumerated().map { place, bar -> HTML in
            shape(bar, at: place * Self.pitch + Self.gap / 2, line: line, whole: whole)
        }
        let width = max(bars.count, 1) * Self.pitch
        return """
            <svg viewBox="0 0 \(String(width)) \(String(Self.height))" preserveAspectRatio="none" role="img"
            class="drawing"><title>\(title)</title><desc>\(summary)</desc>\(shapes)
            <path class="line" d="M0 \(String(line))H\(String(width))"/></svg>
            """
    }

    private func shape(_ bar: Bar, at x: Int, line: Int, whole: Int) -> HTML {
        // A small number stays visible.
        func length(_ number: Int) -> Int {
            number > 0 ? max(Self.height * number / whole, 1) : 0
        }
        var shapes: [HTML] = []
        func add(_ style: String, from y: Int, _ length: Int) {
            guard length > 0 else { return }
            let width = String(Self.pitch - Self.gap)
            shapes.append(
                """
                <rect class="\(style)" x="\(String(x))" y="\(String(y))" width="\(width)"
                height="\(String(length))"/>
                """)
        }
        add("up", from: line - length(bar.up), length(bar.up))
        add("alarm", from: line - length(bar.alarm), length(bar.alarm))
        add("down", from: line, length(bar.down))
        guard !shapes.isEmpty else { return "" }
        let numbers = totals.map { "\($0.name) \(DigitGroups.text($0.number(bar)))" }
        return "<g><title>\(bar.label): \(numbers.joined(separator: ", "))</title>\(shapes)</g>"
    }
}

extension BarChart {
    /// The CSS of charts. The page's own style defines the colors `--text --dim --line --run --good --bad`.
    package static let styles = """
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)); gap: 20px 28px }
        .chart { margin: 0; min-width: 0 } .chart figcaption { font-size: 13px; color: var(--dim) }
        .chart figcaption > b { margin-right: 8px; color: var(--text) }
        .drawing { display: block; width: 100%; height: 96px; margin: 6px 0 2px }
        .drawing .up { fill: var(--run) } .drawing .down { fill: var(--good) }
        .drawing .alarm { fill: var(--bad) } .drawing g:hover rect { opacity: .7 }
        .drawing .line { fill: none; stroke: var(--line); vector-effect: non-scaling-stroke }
        .key { margin-right: 10px; white-space: nowrap } .key::before { content: ""; display: inline-block;
            width: 9px; height: 9px; margin-right: 5px; border-radius: 2px; background: var(--run) }
        .key.down::before { background: var(--good) } .key.alarm::before { background: var(--bad) }
        .axis { display: flex; justify-content: space-between; font-size: 12px; color: var(--dim) }

        """
}
