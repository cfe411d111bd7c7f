/// The script of all pages: buttons that copy, times in the browser's zone, and the place in the navigation.
/// The pages work without it.
enum PageScript {
    static let text = """
        "use strict";
        (() => {
            const zoned = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

            function improve(root) {
                for (const time of root.querySelectorAll("time[datetime]")) {
                    const date = new Date(time.dateTime);
                    if (time.title && !isNaN(date)) time.title = time.dateTime + " = " + zoned.format(date);
                }
                // Without HTTPS a browser has no clipboard.
                if (!navigator.clipboard) return;
                for (const element of root.querySelectorAll(".copy")) {
                    if (element.nextElementSibling?.classList.contains("copies")) continue;
                    const button = document.createElement("button");
                    button.type = "button";
                    button.className = "small copies";
                    button.textContent = "Copy";
                    button.addEventListener("click", async () => {
                        try {
                            const text = element.dataset.text ?? element.textContent.trim();
                            await navigator.clipboard.writeText(text);
                            button.textContent = "Copied";
                        } catch {
                            button.textContent = "Not copied";
                        }
                        setTimeout(() => { button.textContent = "Copy"; }, 2000);
                    });
                    element.after(" ", button);
                }
            }

            // On a phone the navigation is a row that scrolls.
            const own = document.querySelector("nav [aria-current]");
            if (own) own.parentElement.scrollLeft = own.offsetLeft - own.parentElement.clientWidth / 3;
            improve(document);
            // Live updates replace parts of the page.
            new MutationObserver(changes => {
                for (const change of changes) {
                    for (const node of change.addedNodes) if (node.nodeType === 1) improve(node);
                }
            }).observe(document.querySelector("main"), { childList: true, subtree: true });
        })();

        """
}
