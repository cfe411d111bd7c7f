import Pages

/// The style sheet of the Canvas pages.
enum CanvasStyle {
    static let file = StaticText(path: "/canvas/style.css", text: page + BarChart.styles, lifetime: 3600)

    private static let page = """
        :root { color-scheme: light; --line: #dfe3e8; --text: #1b2733; --dim: #5d6b7a; --soft: #f3f5f8;
            --run: #0b5cab; --good: #14663a; --bad: #b42318; --warn: #8a5a00 }
        * { box-sizing: border-box }
        body { margin: 0; font: 14px/1.5 system-ui, sans-serif; color: var(--text); background: #ffffff }
        main { max-width: 1180px; margin: 0 auto; padding: 16px }
        h1 { margin: 0 0 12px; font-size: 20px; overflow-wrap: anywhere } h2 { margin: 0 0 8px;
            font-size: 15px }
        section { margin: 0 0 16px; padding: 14px 16px; border: 1px solid var(--line); border-radius: 8px }
        p { margin: 0 0 10px } a { color: var(--run) } .dim { color: var(--dim) }
        .button { display: inline-block; padding: 8px 14px; border: 1px solid var(--run); border-radius: 6px;
            text-decoration: none }
        .facts { display: flex; flex-wrap: wrap; gap: 6px 28px } .facts b { display: block; font-size: 17px }
        .good { color: var(--good) } .warn { color: var(--warn) } .bad { color: var(--bad) }
        table { width: 100%; border-collapse: collapse } th, td { padding: 6px 8px; text-align: left;
            border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere }
        th { color: var(--dim); font-weight: 500 } .number { text-align: right;
            font-variant-numeric: tabular-nums }
        .steps { margin: 0; padding: 0; list-style: none } .steps li { padding: 3px 0 }

        """
}
