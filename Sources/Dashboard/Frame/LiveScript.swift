/// The script of live pages. The pages work without it.
enum LiveScript {
    static let text = """
        "use strict";
        (() => {
            const main = document.querySelector("main[data-stream]");
            const sign = document.querySelector("[data-stream-state]");
            if (!main || !window.EventSource) return;
            let source = null, timer = 0;
            const waiting = new Map();

            function show(state) {
                if (!sign) return;
                sign.hidden = false;
                sign.dataset.streamState = state;
                document.documentElement.classList.toggle("is-live", state !== "lost");
                sign.textContent = { live: "Live", paused: "Paused", lost: "Not live" }[state];
            }

            // A part that the operator uses is replaced later.
            function isUsed(element) {
                return element.contains(document.activeElement)
                    || element.querySelector("input[type=checkbox]:checked, details[open]") !== null;
            }

            function replace(id, markup) {
                const all = [...document.querySelectorAll("[data-live]")];
                const element = all.find(each => each.dataset.live === id);
                if (!element) return true;
                if (isUsed(element)) return false;
                const template = document.createElement("template");
                template.innerHTML = markup;
                const own = document.querySelector("[data-token] input");
                if (own) {
                    for (const input of template.content.querySelectorAll("input[name=form_token]")) {
                        input.replaceWith(own.cloneNode());
                    }
                }
                element.replaceChildren(template.content);
                return true;
            }

            function receive(event) {
                const end = event.data.indexOf("\\n");
                waiting.set(event.data.slice(0, end), event.data.slice(end + 1));
                for (const [id, markup] of waiting) if (replace(id, markup)) waiting.delete(id);
                tick();
            }

            function duration(seconds) {
                const whole = Math.floor(Math.max(seconds, 0));
                if (whole < 60) return whole + " s";
                if (whole < 3600) return Math.floor(whole / 60) + " min " + whole % 60 + " s";
                const [hours, days] = [Math.floor(whole / 3600), Math.floor(whole / 86400)];
                if (days < 1) return hours + " h " + Math.floor(whole % 3600 / 60) + " min";
                return days + " d " + hours % 24 + " h";
            }

            function tick() {
                for (const time of document.querySelectorAll("[data-live] time[datetime]")) {
                    const age = (Date.now() - Date.parse(time.dateTime)) / 1000;
                    time.textContent = age < 0 ? "in " + duration(-age) : duration(age) + " ago";
                }
            }

            function open() {
                clearTimeout(timer);
                if (source || document.hidden) return;
                source = new EventSource(main.dataset.stream);
                source.onopen = () => show("live");
                source.addEventListener("part", receive);
                source.addEventListener("end", () => { close(); show("lost"); });
                source.onerror = () => {
                    show("lost");
                    // The browser gives up after an answer that is no stream.
                    if (source && source.readyState === EventSource.CLOSED) {
                        close();
                        timer = setTimeout(open, 60000);
                    }
                };
            }

            function close() {
                if (source) source.close();
                source = null;
            }

            document.addEventListener("visibilitychange", () => {
                if (document.hidden) { close(); show("paused"); } else open();
            });
            setInterval(tick, 5000);
            open();
        })();

        """
}
