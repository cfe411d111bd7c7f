import Testing

@testable import Metrics

/// The page's text, byte by byte in Prometheus' text format 0.0.4.
struct ExpositionTests {
    @Test func `a family has its help, its type and a line for each sample`() {
        var page = Exposition()
        page.add(
            Metric("queue_jobs", .gauge, "Jobs by queue."),
            [
                .init(3, .init("queue", "mail"), .init("state", "dead")), .init(0.5, .init("queue", "a")),
                .init(-2),
            ])
        #expect(
            page.text == """
                # HELP queue_jobs Jobs by queue.
                # TYPE queue_jobs gauge
                queue_jobs{queue="mail",state="dead"} 3
                queue_jobs{queue="a"} 0.5
                queue_jobs -2

                """)
    }

    @Test func `characters that end a value or a line are escaped`() {
        var page = Exposition()
        page.add(
            Metric("x", .counter, "back\\slash and \"quotes\"\nin two lines"),
            [.init(1, .init("name", "a\\b\"c\"\nd\u{1F600}é"))])
        #expect(
            page.text == #"""
                # HELP x back\\slash and "quotes"\nin two lines
                # TYPE x counter
                x{name="a\\b\"c\"\nd😀é"} 1

                """#)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "1"), (-0.0, "0"), (1e15, "1000000000000000"), (0.25, "0.25"), (1e-7, "1e-07"),
            (1e300, "1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
        ] as [(Double, String)])
    func `numbers have Go's syntax`(_ value: Double, _ text: String) {
        #expect(Exposition.number(value) == text)
    }

    @Test func `a metric without samples is omitted`() {
        var page = Exposition()
        page.add(Metric("x", .gauge, "x"), [])
        page.add(Metric("y_total", .counter, "y"), by: "class", from: Totals())
        #expect(page.text.isEmpty)
    }

    @Test func `counters are sorted by their label`() {
        let (one, other) = (Metric("one_total", .counter, "One."), Metric("other_total", .counter, "Other."))
        var totals = Totals()
        totals.add(2, to: one, "B")
        totals.add(0, to: one, "A")
        totals.add(5, to: one, "B")
        totals.add(9, to: other, "A")
        var page = Exposition()
        page.add(one, by: "class", from: totals)
        #expect(
            page.text == """
                # HELP one_total One.
                # TYPE one_total counter
                one_total{class="A"} 0
                one_total{class="B"} 7

                """)
    }

    @Test func `a histogram's buckets are cumulative, and its sum is in seconds`() {
        let metric = Metric("run_seconds", .histogram, "Runs.")
        var histogram = Histogram(.init(microseconds: [1000, 50_000, 2_000_000]))
        // A bound belongs to the bucket that it ends. A negative duration counts as zero.
        for time: Duration in [
            .milliseconds(1), .microseconds(1001), .milliseconds(50), .seconds(3), .seconds(-1),
        ] {
            histogram.count(time)
        }
        var totals = Totals()
        totals.add(histogram, to: metric, "A")
        totals.add(Histogram(.work), to: metric, "B")
        var page = Exposition()
        page.add(metric, by: "class", from: totals)
        #expect(
            page.text == """
                # HELP run_seconds Runs.
                # TYPE run_seconds histogram
                run_seconds_bucket{class="A",le="0.001"} 2
                run_seconds_bucket{class="A",le="0.05"} 4
                run_seconds_bucket{class="A",le="2"} 4
                run_seconds_bucket{class="A",le="+Inf"} 5
                run_seconds_sum{class="A"} 3.052001
                run_seconds_count{class="A"} 5

                """)
    }

    @Test func `versions with other bounds add up to one histogram`() {
        let metric = Metric("run_seconds", .histogram, "Runs.")
        var totals = Totals()
        for bounds in [[1000, 100_000], [1000, 20_000, 100_000]] {
            var histogram = Histogram(.init(microseconds: bounds))
            histogram.count(.milliseconds(10))
            totals.add(histogram, to: metric, "A")
        }
        var page = Exposition()
        page.add(metric, by: "class", from: totals)
        let buckets = page.text.split(separator: "\n").filter { $0.contains("_bucket") }
        #expect(
            buckets == [
                #"run_seconds_bucket{class="A",le="0.001"} 0"#, #"run_seconds_bucket{class="A",le="0.02"} 1"#,
                #"run_seconds_bucket{class="A",le="0.1"} 2"#, #"run_seconds_bucket{class="A",le="+Inf"} 2"#,
            ])
    }
}
