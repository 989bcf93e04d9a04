/* Small manners of every page: copy buttons, panels that close, selects that submit.
   Works on fragments that arrive later too, because it listens on the document. */
(() => {
  "use strict";
  const SAID_FOR_MS = 2000;

  async function copy(button) {
    const text = document.getElementById(button.dataset.copy).textContent.trim();
    const label = button.querySelector("[data-copy-label]");
    const before = label.textContent;
    await navigator.clipboard.writeText(text);
    label.textContent = button.dataset.copied;
    setTimeout(() => { label.textContent = before; }, SAID_FOR_MS);
  }

  function closeOthers(keep) {
    for (const panel of document.querySelectorAll("details[data-panel][open]")) {
      if (panel !== keep) panel.open = false;
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    if (event.target.closest("[data-panel-close]")) closeOthers(null);
    else closeOthers(event.target.closest("details[data-panel]"));
  });

  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector("details[data-panel][open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
})();
