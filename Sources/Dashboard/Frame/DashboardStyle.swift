import Pages

/// The CSS of the operators' pages.
enum DashboardStyle {
    static let text = colors + frame + controls + tables + job + BarChart.styles + charts + forms

    private static let colors = """
        :root { color-scheme: light dark; --line: #dfe3e8; --text: #1b2733; --dim: #5d6b7a; --page: #f3f5f8;
            --card: #ffffff; --accent: #0b5cab; --accent-text: #ffffff; --soft: #eef1f5; --bad: #b42318;
            --bad-soft: #fdecea; --good: #14663a; --good-soft: #e6f4ec; --warn: #8a5a00; --warn-soft: #fdf3dc;
            --run: #0b5cab; --run-soft: #e5effa; --off: #55606d; --off-soft: #e9ecf0 }
        @media (prefers-color-scheme: dark) {
            :root { --line: #313d4a; --text: #e4eaf0; --dim: #9aa8b6; --page: #11181f; --card: #19222b;
                --accent: #74b3f2; --accent-text: #0d1620; --soft: #222d38; --bad: #ff9c92;
                    --bad-soft: #3c211f;
                --good: #74d3a0; --good-soft: #17332a; --warn: #f0c36a; --warn-soft: #362c16; --run: #8cc3f8;
                --run-soft: #182f47; --off: #aab5c0; --off-soft: #27323d }
        }

        """

    private static let frame = """
        * { box-sizing: border-box }
        body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page) }
        header { display: flex; flex-wrap: wrap; gap: 4px 28px; align-items: center; padding: 0 24px;
            background: var(--card); border-bottom: 1px solid var(--line) }
        .brand { padding: 14px 0; font-weight: 650; color: var(--text); text-decoration: none }
        nav { display: flex; flex-wrap: wrap; gap: 4px }
        nav a { padding: 14px 12px 12px; color: var(--dim); text-decoration: none;
            border-bottom: 2px solid transparent }
        nav a:hover { color: var(--text) }
        nav a[aria-current] { color: var(--text); font-weight: 600; border-color: var(--accent) }
        main { max-width: 1320px; margin: 0 auto; padding: 24px }
        h1 { margin: 0 0 16px; font-size: 22px; line-height: 1.3; overflow-wrap: anywhere }
        h2 { margin: 0 0 12px; font-size: 16px }
        p { margin: 0 0 12px } p:last-child { margin-bottom: 0 }
        a { color: var(--accent) } td a { text-decoration: none } a:hover { text-decoration: underline }
        code, pre, .id { font-family: ui-monospace, monospace; font-size: .88em }
        .dim { color: var(--dim) } .bad { color: var(--bad) }
        .card { margin: 0 0 20px; padding: 18px 20px; border: 1px solid var(--line); border-radius: 10px;
            background: var(--card) }
        .narrow { max-width: 640px; margin: 32px auto }
        .flush { padding: 0; overflow: hidden } .flush > h2 { padding: 16px 20px 0 }
        .notice { margin: 0 0 16px; padding: 10px 16px; border-radius: 8px; background: var(--good-soft);
            color: var(--good) }
        .notice.warn { background: var(--warn-soft); color: var(--warn) }
        .notice.bad { background: var(--bad-soft); color: var(--bad) }
        .notice a { color: inherit; font-weight: 600 }
        .row { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center;
            justify-content: space-between; margin: 0 0 16px }
        .row h1 { margin: 0 }

        """

    private static let controls = """
        .tabs { display: flex; flex-wrap: wrap; gap: 8px; margin: 0 0 16px }
        .tabs a { display: flex; flex: 1 0 auto; flex-direction: column; min-width: 96px; padding: 10px 14px;
            border: 1px solid var(--line); border-radius: 10px; background: var(--card); color: var(--dim);
            text-decoration: none; font-size: 13px }
        .tabs b { font-size: 19px; font-weight: 650; line-height: 1.3; color: var(--text) }
        .tabs span { flex: 1 0 auto; min-width: 96px; padding: 10px 14px; border: 1px solid var(--line);
            border-radius: 10px; background: var(--card); color: var(--dim); font-size: 13px }
        .tabs span b { display: block } .tabs a, .tabs span { max-width: 260px }
        .tabs a:hover { border-color: var(--accent) }
        .tabs a[aria-current] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent) }
        .tabs a.alarm b { color: var(--bad) }
        button, .button { display: inline-block; padding: 6px 12px; font: inherit; font-size: 14px;
            line-height: 1.4; color: var(--text); text-decoration: none; border: 1px solid var(--line);
            border-radius: 7px; background: var(--card); cursor: pointer }
        button:hover, .button:hover, summary.button:hover { border-color: var(--accent) }
        button.main, .button.main { color: var(--accent-text); border-color: var(--accent);
            background: var(--accent) }
        button.danger, .button.danger { color: var(--bad) }
        button.sure { color: var(--card); border-color: var(--bad); background: var(--bad) }
        button.small { padding: 2px 9px; font-size: 13px }
        form { margin: 0 } .actions { display: flex; flex-wrap: wrap; gap: 8px; align-items: center }
        .filter { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 10px;
            align-items: end; margin: 0 0 16px }
        label { display: block; font-size: 13px; color: var(--dim) }
        input, select { display: block; width: 100%; margin-top: 2px; padding: 6px 9px; font: inherit;
            font-size: 14px; color: var(--text); border: 1px solid var(--line); border-radius: 7px;
            background: var(--card) } select { padding: 7px 9px }
        input[type=checkbox] { display: inline-block; width: auto; margin: 0 }
        .pair { display: flex; gap: 6px; align-items: center }
        .filter .wide { grid-column: span 2 }
        label.check { padding: 7px 0; color: var(--text); font-size: 14px }
        progress { display: block; width: 100%; height: 8px; margin-top: 4px; accent-color: var(--accent) }
        :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
        form:has(> input.viewer) button, details.sure:has(input.viewer) { display: none }
        details.sure { display: inline-block } details.sure[open] { display: flex; gap: 8px;
            align-items: center; flex-wrap: wrap }
        details.sure > summary { list-style: none }
        details.sure > summary::-webkit-details-marker { display: none }
        .inline { display: flex; flex-wrap: wrap; gap: 8px;
            align-items: end } .inline label { flex: 1 1 180px }
        .bar .inline { flex: 1 }

        """

    private static let tables = """
        table { width: 100%; border-collapse: collapse; font-size: 14px }
        th { padding: 10px 12px; text-align: left; font-size: 12px; font-weight: 600; color: var(--dim);
            white-space: nowrap; border-bottom: 1px solid var(--line); background: var(--card) }
        td { padding: 9px 12px; vertical-align: top; border-bottom: 1px solid var(--line) }
        tr:last-child td { border-bottom: 0 } tbody tr:hover td { background: var(--soft) }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
        .nowrap { white-space: nowrap } td .id { display: block; color: var(--dim) }
        .error { max-width: 420px; overflow: hidden; display: -webkit-box; -webkit-line-clamp: 2;
            -webkit-box-orient: vertical; overflow-wrap: anywhere }
        .state { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px;
            font-weight: 600; white-space: nowrap; color: var(--off); background: var(--off-soft) }
        .state.queued, .state.scheduled, .state.running { color: var(--run); background: var(--run-soft) }
        .state.retry, .state.held { color: var(--warn); background: var(--warn-soft) }
        .state.dead { color: var(--bad); background: var(--bad-soft) }
        .state.done { color: var(--good); background: var(--good-soft) }
        .empty { padding: 44px 20px; text-align: center; color: var(--dim) }
        .empty b { display: block; margin-bottom: 4px; font-size: 17px; color: var(--text) }
        .bar { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 12px;
            border-top: 1px solid var(--line); background: var(--card) }
        .bar .last { margin-left: auto }
        .scroll { overflow-x: auto }
        @media (max-width: 760px) {
            main { padding: 14px } header { gap: 0 28px; padding: 0 14px } .brand { padding: 10px 0 }
            nav { order: 1; flex: 1 0 100%; flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none }
            nav a { flex: 0 0 auto; padding: 6px 10px 8px }
            .tabs a, .tabs span { flex: 1 1 22%; min-width: 78px; max-width: none; padding: 8px 10px }
            .tabs span { flex-basis: 28% }
            .tabs b { font-size: 16px }
            table.cards thead { display: none }
            table.cards, table.cards tbody, table.cards tr { display: block }
            table.cards tr { padding: 10px 14px; border-bottom: 1px solid var(--line) }
            table.cards td { display: flex; gap: 12px; padding: 3px 0; border: 0; text-align: left }
            table.cards td::before { content: attr(data-label); flex: 0 0 82px; color: var(--dim);
                font-size: 13px }
            table.cards td.bare::before, table.cards td:has(> .error:empty),
            table.cards td:has(> .none) { display: none }
            table.cards td > * { min-width: 0 }
        }

        """

    private static let job = """
        .facts { display: grid; grid-template-columns: max-content 1fr; gap: 6px 20px; margin: 0 }
        .facts dt { color: var(--dim) } .facts dd { margin: 0; overflow-wrap: anywhere }
        .columns { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 20px;
            align-items: start }
        @media (max-width: 960px) { .columns { grid-template-columns: minmax(0, 1fr) } }
        pre { max-height: 420px; margin: 0; padding: 12px 14px; overflow: auto; white-space: pre-wrap;
            overflow-wrap: anywhere; border-radius: 8px; background: var(--soft) }
        .timeline { margin: 0; padding: 0; list-style: none }
        .timeline li { position: relative; padding: 0 0 14px 22px; border-left: 2px solid var(--line);
            margin-left: 6px }
        .timeline li:last-child { border-color: transparent; padding-bottom: 0 }
        .timeline li::before { content: ""; position: absolute; left: -7px; top: 6px; width: 10px;
            height: 10px; border: 1px solid var(--card); border-radius: 50%; background: var(--dim) }
        .timeline .failed::before, .timeline .crashed::before { background: var(--bad) }
        .timeline .started::before { background: var(--run) }
        .timeline .ended::before { background: var(--good) }
        .timeline .acted::before, .timeline .asked::before { background: var(--warn) }
        .timeline .due::before { background: var(--card); border-color: var(--dim) }
        .when { font-size: 13px; color: var(--dim) }
        .timeline p { margin: 2px 0 0; color: var(--dim); font-size: 13.5px; overflow-wrap: anywhere }

        """

    private static let charts = """
        .ranges { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 14px }
        .ranges a[aria-current] { color: var(--text); font-weight: 600; text-decoration: none }
        .row h2 { margin: 0 } .live > .notice:last-child { margin-bottom: 16px }
        .stream { margin-left: auto; font-size: 13px; color: var(--dim) }
        .stream[data-stream-state=live]::before { content: ""; display: inline-block; width: 8px;
            height: 8px; margin-right: 6px; border-radius: 50%; background: var(--good) }
        .stream[data-stream-state=lost] { color: var(--warn) } .is-live .refresh { display: none }
        .spark { display: block; width: 96px; height: 20px } .spark polyline { fill: none;
            stroke: var(--run); stroke-width: 1.5; vector-effect: non-scaling-stroke }

        """

    private static let forms = """
        textarea { display: block; width: 100%; min-height: 140px; margin-top: 2px; padding: 8px 10px;
            font: 13px/1.5 ui-monospace, monospace; color: var(--text); border: 1px solid var(--line);
            border-radius: 7px; background: var(--card) }
        .settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr));
            gap: 12px 16px; align-items: start } .settings .wide { grid-column: 1 / -1 }
        .settings small, .hint { display: block; color: var(--dim); font-size: 12.5px }
        .sticky { position: sticky; bottom: 0; z-index: 1 }
        .copy { user-select: all }
        .effects { margin: 0; padding: 0; list-style: none }
        .effects li { display: flex; gap: 12px; padding: 5px 0; overflow-wrap: anywhere }
        .effects .state { flex: 0 0 auto; align-self: flex-start; min-width: 72px; text-align: center }

        """
}
