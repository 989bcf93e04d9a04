/* Draws every <figure data-chart> from the JSON beside it, and again when the theme changes or
   htmx brings new numbers. Fetches plotly only when a page has a chart. Colours in the JSON are
   names of our tokens, so that one figure serves both themes. */
(() => {
  "use strict";
  const CONFIG = { displayModeBar: false, responsive: true };
  // plotly's map code writes a <style> element on load unless one with this id is there.
  const MAP_STYLE_ID = "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53";
  const source = document.currentScript.dataset.plotly;
  const probe = document.createElement("span");
  let library = null;

  function plotly() {
    library ??= new Promise((resolve, reject) => {
      const placeholder = document.createElement("meta");
      placeholder.id = MAP_STYLE_ID;
      const script = document.createElement("script");
      script.src = source;
      script.onload = () => resolve(window.Plotly);
      script.onerror = reject;
      document.head.append(placeholder, script);
    });
    return library;
  }

  function colour(token) {
    probe.hidden = true;
    if (!probe.isConnected) document.body.append(probe);
    probe.style.color = token;
    return getComputedStyle(probe).color;
  }

  function themed(value) {
    if (typeof value === "string") {
      if (value === "var(--sans)") return getComputedStyle(document.body).fontFamily;
      return value.startsWith("var(--") ? colour(value) : value;
    }
    if (Array.isArray(value)) return value.map(themed);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, themed(inner)]));
  }

  async function draw(figure) {
    const data = figure.querySelector("script[type='application/json']");
    const plot = figure.querySelector(".chart-plot");
    const { react } = await plotly();
    const { data: traces, layout } = themed(JSON.parse(data.textContent));
    await react(plot, traces, layout, CONFIG);
    figure.dataset.drawn = "";
  }

  function drawAll(root) {
    const inside = root.matches?.("[data-chart]") ? [root] : root.querySelectorAll("[data-chart]");
    for (const figure of inside) draw(figure);
  }

  document.addEventListener("DOMContentLoaded", () => drawAll(document));
  document.addEventListener("attune:theme", () => {
    if (document.body) drawAll(document);
  });
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.elt));
})();
