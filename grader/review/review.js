// Keys, and buttons that fill a field. Everything else on these pages works without a script.
"use strict";

const form = document.getElementById("decide");
const keysOn = document.getElementById("keys-on");
const warning = document.querySelector(".room-unsaved");
const before = form ? new URLSearchParams(new FormData(form)).toString() : "";
let leaving = false;
let warnedOf = "";

const changed = () => form !== null && new URLSearchParams(new FormData(form)).toString() !== before;

if (keysOn) {
  keysOn.checked = localStorage.getItem("keys") !== "off";
  keysOn.addEventListener("change", () => localStorage.setItem("keys", keysOn.checked ? "on" : "off"));
}

for (const filling of document.querySelectorAll(".room-fill")) filling.hidden = false;
for (const button of document.querySelectorAll("[data-fill]")) {
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.fill);
    // A comment grows, points are replaced.
    const kept = field.tagName === "TEXTAREA" && field.value.trim() ? `${field.value.trim()}\n` : "";
    field.value = kept + button.dataset.text;
    field.focus();
  });
}

if (form) {
  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && changed()) event.preventDefault();
  });
}

document.addEventListener("keydown", (event) => {
  const writes = event.target.closest("input:not([type=checkbox]), textarea, select");
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(document.getElementById("save-next"));
    return;
  }
  if (event.key === "Escape" && writes) {
    writes.blur();
    return;
  }
  if (writes || event.ctrlKey || event.metaKey || event.altKey || !keysOn || !keysOn.checked) return;
  const field = { e: "points", c: "comment" }[event.key];
  if (form && field) {
    event.preventDefault();
    document.getElementById(field).focus();
    return;
  }
  const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
  if (!link) return;
  event.preventDefault();
  if (changed() && warnedOf !== event.key) {
    warnedOf = event.key;
    warning.hidden = false;
    return;
  }
  leaving = true;
  link.click();
});
