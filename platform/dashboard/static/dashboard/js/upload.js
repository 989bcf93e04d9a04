/* Sends an upload form in the background and shows how far it is; without it the form still works.
   The server answers with the address to go on to, or with the form and its errors in words. */
(() => {
  "use strict";

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
  }

  function finish(form, request) {
    const isHtml = (request.getResponseHeader("Content-Type") || "").startsWith("text/html");
    const next = request.getResponseHeader("X-Upload-Next");
    if (next) location.assign(next);
    else if (isHtml && request.status < 500) replace(form, request.responseText);
    else fail(form, form.dataset.failed);
  }

  function replace(form, html) {
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector("[data-upload]");
    if (!fresh) return fail(form, form.dataset.failed);
    form.replaceWith(fresh);
    fresh.querySelector("[aria-invalid='true'], [role='alert']")?.focus();
  }

  function send(form) {
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) show(form, event.loaded / event.total);
    });
    request.addEventListener("load", () => finish(form, request));
    request.addEventListener("error", () => fail(form, form.dataset.failed));
    form.querySelector("[data-upload-error]").hidden = true;
    form.querySelector("[type='submit']").disabled = true;
    show(form, 0);
    request.send(new FormData(form));
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-upload]")) return;
    event.preventDefault();
    send(event.target);
  });
})();
