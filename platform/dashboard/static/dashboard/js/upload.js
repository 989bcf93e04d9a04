/* Sends a file in parts and shows how far it is; without it the form still works, for smaller files.
   What was begun is remembered by the browser: after a closed tab, a reload or a broken line the
   same file, chosen again, goes on where it was. */
(() => {
  "use strict";
  const PAUSES = [1, 2, 4, 8, 15, 30]; // seconds between attempts when the line is broken

  function show(form, fraction) {
    const bar = form.querySelector("[data-upload-progress]");
    bar.hidden = false;
    bar.querySelector("progress").value = fraction;
    bar.querySelector("[data-upload-percent]").textContent = `${Math.floor(fraction * 100)} %`;
  }

  function fail(form, message) {
    const place = form.querySelector("[data-upload-error]");
    place.hidden = false;
    place.querySelector("[data-upload-error-text]").textContent = message;
    form.querySelector("[data-upload-progress]").hidden = true;
    form.querySelector("[type='submit']").disabled = false;
    place.focus();
  }

  function replace(form, html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-upload]");
    if (!fresh) return fail(form, form.dataset.failed);
    form.replaceWith(fresh);
    fresh.querySelector("[aria-invalid='true'], [role='alert']")?.focus();
  }

  const isJson = (reply) => (reply.headers.get("Content-Type") || "").startsWith("application/json");

  // A refusal is an answer; a broken line or a server that is away is asked again.
  async function ask(address, fields) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        const how = fields ? { method: "POST", body: fields } : {};
        const reply = await fetch(address, { credentials: "same-origin", redirect: "manual", ...how });
        if (reply.status < 500 && reply.status !== 429) return reply;
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
      if (attempt === PAUSES.length) return null;
      await new Promise((done) => setTimeout(done, PAUSES[attempt] * 1000));
    }
  }

  // The same file with the same answers in the form is the same upload.
  function nameOf(file, fields) {
    const asked = [...fields].filter(([name]) => name !== "csrfmiddlewaretoken");
    return `upload ${JSON.stringify([file.name, file.size, file.lastModified, asked])}`;
  }

  const kept = {
    get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
    set: (name, id) => { try { localStorage.setItem(name, id); } catch { /* goes on without */ } },
    drop: (name) => { try { localStorage.removeItem(name); } catch { /* was never kept */ } },
  };

  async function begun(form, file, fields, name) {
    const id = kept.get(name);
    if (id) {
      const reply = await ask(form.dataset.arrived.replace("/ID/", `/${id}/`));
      const state = reply && reply.ok && isJson(reply) ? await reply.json() : null;
      if (state && state.state === "receiving" && state.bytes === file.size) return state;
      if (!reply) return null;
      kept.drop(name);
    }
    const order = new FormData();
    for (const [field, value] of fields) order.append(field, value);
    order.append("name", file.name);
    order.append("bytes", file.size);
    const reply = await ask(form.dataset.begin, order);
    if (reply && !isJson(reply)) { replace(form, await reply.text()); return undefined; }
    if (!reply || !reply.ok) return reply ? { message: (await reply.json()).message } : null;
    const state = await reply.json();
    kept.set(name, state.id);
    return state;
  }

  async function send(form) {
    const file = form.querySelector("[type='file']").files[0];
    const fields = [...new FormData(form)].filter(([, value]) => typeof value === "string");
    const token = new Map(fields).get("csrfmiddlewaretoken");
    const name = nameOf(file, fields);
    form.querySelector("[data-upload-error]").hidden = true;
    form.querySelector("[type='submit']").disabled = true;
    show(form, 0);
    const state = await begun(form, file, fields, name);
    if (state === undefined) return;
    if (!state || state.message) return fail(form, state ? state.message : form.dataset.failed);
    let here = state.here;
    while (here < file.size) {
      show(form, here / file.size);
      const body = new FormData();
      body.append("csrfmiddlewaretoken", token);
      body.append("part", file.slice(here, here + state.step), "part");
      const address = form.dataset.part.replace("/ID/", `/${state.id}/`).replace("/0/", `/${here}/`);
      const reply = await ask(address, body);
      if (!reply || !isJson(reply)) return fail(form, form.dataset.failed);
      const said = await reply.json();
      if (said.here === undefined) { kept.drop(name); return fail(form, said.message); }
      if (reply.ok || said.here !== here) here = said.here;
      else return fail(form, said.message);
    }
    show(form, 1);
    const last = new FormData();
    last.append("csrfmiddlewaretoken", token);
    const reply = await ask(form.dataset.complete.replace("/ID/", `/${state.id}/`), last);
    if (!reply || !isJson(reply)) return fail(form, form.dataset.failed);
    const said = await reply.json();
    if (!reply.ok) return fail(form, said.message);
    kept.drop(name);
    location.assign(said.next);
  }

  // A file that is dropped on the form is chosen as if by its field.
  const dropOf = (event) => event.target.closest?.("[data-drop]");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      const place = dropOf(event);
      if (!place || ![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      place.classList.add("drop-over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    const place = dropOf(event);
    if (place && !place.contains(event.relatedTarget)) place.classList.remove("drop-over");
  });
  document.addEventListener("drop", (event) => {
    const place = dropOf(event);
    if (!place) return;
    event.preventDefault();
    place.classList.remove("drop-over");
    const field = place.querySelector("[type='file']");
    if (!event.dataTransfer.files.length) return;
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-upload]")) return;
    if (!event.target.querySelector("[type='file']").files.length) return; // the server says so
    event.preventDefault();
    send(event.target).catch(() => fail(event.target, event.target.dataset.failed));
  });
})();
