/* Attune in a shop's pages: which items a visitor looks at and clicks, once they have agreed.
   <script defer src="https://ATTUNE/static/tracking/attune.js" data-key="ak_public_…"></script>
   Nothing is gathered, kept or sent before the page tells of consent, nor ever while the browser asks
   for privacy (Global Privacy Control). A refusal later forgets the visitor here. */
(() => {
  "use strict";
  const script = document.currentScript;
  const { key, user } = script.dataset;
  if (window.attune || !key) return;
  const ADDRESS = new URL("/v1/b", script.src).href;
  const COOKIE = "attune_id";
  const COOKIE_SECONDS = 180 * 86400;
  const WAIT_MS = 2000;
  const AT_ONCE = 20;
  const MOST = 200;
  const TRIES = 5;

  const asksForPrivacy = navigator.globalPrivacyControl === true;
  let agreed = false;
  let categories;
  let person = user;
  let queue = [];
  let timer = 0;
  let failures = 0;

  const random = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

  // The visitor's id, made when it is first needed: only after consent.
  function visitor() {
    const found = document.cookie.match(/(?:^|; )attune_id=([0-9a-f]{32})/);
    const id = found ? found[1] : random();
    keep(id, COOKIE_SECONDS);
    return id;
  }

  function keep(id, seconds) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${COOKIE}=${id}; Max-Age=${seconds}; Path=/; SameSite=Lax${secure}`;
  }

  function track(event, item, more) {
    if (!agreed || !item) return;
    const who = person ? { userId: String(person) } : { anonymousId: visitor() };
    const context = categories && { consent: { categoryPreferences: categories } };
    queue.push({
      type: "track", event, ...who, context, messageId: random(),
      timestamp: new Date().toISOString(), properties: { ...more, product_id: String(item) },
    });
    queue = queue.slice(-MOST);
    if (queue.length >= AT_ONCE) send();
    else later(WAIT_MS);
  }

  function later(ms) {
    if (!timer) timer = setTimeout(send, ms);
  }

  function body(batch) {
    return JSON.stringify({ writeKey: key, sentAt: new Date().toISOString(), batch });
  }

  async function send() {
    clearTimeout(timer);
    timer = 0;
    if (!agreed || !queue.length) return;
    const batch = queue.splice(0, AT_ONCE);
    let status = 0;
    try {
      // As plain text, a browser need not ask the server first.
      status = (await fetch(ADDRESS, { method: "POST", body: body(batch), keepalive: true, credentials: "omit" })).status;
    } catch { /* no network: as if it had answered that it is busy */ }
    if (status && status < 500 && status !== 429) failures = 0;
    else if (++failures < TRIES) queue = agreed ? batch.concat(queue) : [];
    if (queue.length) later(WAIT_MS * 2 ** failures);
  }

  // What is sent twice counts once, so what is under way need not be waited for.
  function leave() {
    while (agreed && queue.length && navigator.sendBeacon(ADDRESS, body(queue.slice(0, AT_ONCE)))) {
      queue = queue.slice(AT_ONCE);
    }
  }

  function page(item) {
    const marked = item || document.querySelector("[data-attune-page]")?.dataset.attunePage;
    track("view", marked);
  }

  function consent(yes, preferences) {
    const before = agreed;
    agreed = yes === true && !asksForPrivacy;
    categories = preferences;
    if (!agreed) {
      queue = [];
      if (document.cookie.includes(`${COOKIE}=`)) keep("", 0);
    } else if (!before) page();
  }

  document.addEventListener("click", (event) => {
    const marked = event.target.closest?.("[data-attune-item]");
    if (marked) track(marked.dataset.attuneEvent || "click", marked.dataset.attuneItem);
  }, true);
  addEventListener("pagehide", leave);
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && leave());

  window.attune = { consent, page, track, user: (id) => { person = id; } };
  window.attuneConsent?.(consent);
})();
