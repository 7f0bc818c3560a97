/* Behaviour of the shell. Everything hangs on data attributes (see app.css); pages work without it where they can. */
"use strict";
(() => {
  const root = document.documentElement;
  const one = (selector, within) => (within || document).querySelector(selector);
  const all = (selector, within) => Array.from((within || document).querySelectorAll(selector));
  const remember = (name, value) => { document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax`; };
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");

  /* theme and menu */
  function toggleTheme() {
    const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    const next = (root.dataset.theme || system) === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    remember("theme", next);
  }
  function toggleMenu() {
    if (matchMedia("(min-width: 1280px)").matches) {
      const closed = root.dataset.nav === "closed";
      root.dataset.nav = closed ? "" : "closed";
      remember("nav", closed ? "" : "closed");
    } else {
      const open = root.dataset.drawer === "open";
      root.dataset.drawer = open ? "" : "open";
      if (!open) one(".side a")?.focus();
    }
  }

  /* dialogs */
  const open = (id) => { const dialog = document.getElementById(id); if (dialog && !dialog.open) dialog.showModal(); };
  let confirmed = null;
  function ask(text, then) {
    one("#confirm-text").textContent = text;
    confirmed = then;
    open("confirm");
    one("#confirm-yes").focus();
  }
  function say(text, tone) {
    const box = document.createElement("div");
    box.className = `toast ${tone || "ok"}`;
    box.textContent = text;
    one("#toasts").append(box);
    setTimeout(() => box.remove(), 4000);
  }

  /* pickers: a search box that fills hidden inputs */
  function picked(picker, value, label) {
    const holder = one(".picked", picker);
    if (!("multiple" in picker.dataset)) holder.replaceChildren();
    if (all("input", holder).some((input) => input.value === value)) return;
    const chip = document.createElement("span");
    chip.className = "chip";
    const input = Object.assign(document.createElement("input"), { type: "hidden", name: picker.dataset.name, value });
    const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    remove.dataset.unpick = "";
    remove.setAttribute("aria-label", `移除${label}`);
    chip.append(label, input, remove);
    holder.append(chip);
    holder.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /* rows of a list */
  let cursor = -1;
  function move(step) {
    const rows = all("table[data-rows] tbody tr");
    if (!rows.length) return;
    rows[cursor]?.classList.remove("on");
    cursor = Math.max(0, Math.min(rows.length - 1, cursor + step));
    rows[cursor].classList.add("on");
    rows[cursor].scrollIntoView({ block: "nearest" });
  }
  const row = () => all("table[data-rows] tbody tr")[cursor];

  function countChecked(form) {
    const count = all("tbody input[type=checkbox]:checked", form).length;
    all("[data-checked-count]", form).forEach((node) => { node.textContent = count; });
    all("[data-needs-checked]", form).forEach((node) => { node.disabled = count === 0; });
  }

  const clicks = {
    "[data-theme-toggle]": toggleTheme,
    "[data-menu]": toggleMenu,
    "[data-menu-close]": () => { root.dataset.drawer = ""; },
    "[data-back]": () => { history.length > 1 ? history.back() : location.assign("/"); },
    "[data-print]": () => print(),
    "[data-open]": (node) => open(node.dataset.open),
    "[data-close]": (node) => node.closest("dialog").close(),
    "[data-unpick]": (node) => { const holder = node.closest(".picked"); node.closest(".chip").remove(); holder.dispatchEvent(new Event("change", { bubbles: true })); },
    "[data-insert]": (node) => {
      const target = one(node.dataset.insert);
      target.setRangeText(node.dataset.text || node.textContent.trim(), target.selectionStart, target.selectionEnd, "end");
      target.focus();
    },
    "[data-copy]": (node) => navigator.clipboard.writeText(node.dataset.copy).then(() => say("已复制")),
    "[data-pick]": (node) => {
      const picker = node.closest(".picker");
      picked(picker, node.dataset.pick, node.textContent.trim());
      one(".picker-list", picker).replaceChildren();
      one("input[type=search]", picker).value = "";
      one(".chip:last-child [data-unpick]", picker).focus();
    },
    "#confirm-yes": () => { one("#confirm").close(); const then = confirmed; confirmed = null; then?.(); },
  };

  document.addEventListener("click", (event) => {
    const asking = event.target.closest("button[data-confirm], a[data-confirm]");
    if (asking && !asking.dataset.sure && !asking.hasAttribute("hx-post")) {
      if (asking.form && !asking.form.reportValidity()) { event.preventDefault(); return; }
      event.preventDefault();
      ask(asking.dataset.confirm, () => { asking.dataset.sure = "1"; asking.click(); delete asking.dataset.sure; });
      return;
    }
    for (const [selector, act] of Object.entries(clicks)) {
      const node = event.target.closest(selector);
      if (node) { act(node); break; }
    }
    all("details.dropdown[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  document.addEventListener("change", (event) => {
    const node = event.target;
    if (node.matches("[data-check-all]")) all("tbody input[type=checkbox]", node.closest("table")).forEach((box) => { box.checked = node.checked; });
    if (node.matches("table input[type=checkbox]") && node.form) countChecked(node.form);
    if (node.matches("[data-submit]")) node.form.requestSubmit();
  });

  /* a form is sent once: the second press finds the buttons asleep */
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    if (form.method === "post" && !form.hasAttribute("hx-post")) {
      form.dataset.sent = "1";
      root.classList.add("is-loading");
      setTimeout(() => { delete form.dataset.sent; root.classList.remove("is-loading"); }, 8000);
    }
  });
  addEventListener("pageshow", () => { all("form[data-sent]").forEach((form) => { delete form.dataset.sent; }); root.classList.remove("is-loading"); });

  /* keyboard */
  let waiting = false;
  const places = { h: "/", t: "/inbox/todo/", d: "/inbox/done/", n: "/notifications/" };
  function plainKey(event) {
    if (waiting && places[event.key]) { waiting = false; location.assign(places[event.key]); return true; }
    waiting = event.key === "g";
    if (waiting) { setTimeout(() => { waiting = false; }, 1200); return true; }
    const acts = {
      "?": () => open("keys"),
      "/": () => one("[data-focus-key='/']")?.focus(),
      j: () => move(1),
      k: () => move(-1),
      x: () => { const box = row() && one("input[type=checkbox]", row()); if (box) box.click(); },
      Enter: () => { const link = row() && one("a[href]", row()); if (!link) return false; link.click(); return true; },
    };
    const act = acts[event.key];
    return act ? act() !== false : false;
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      root.dataset.drawer = "";
      all("details.dropdown[open]").forEach((menu) => { menu.open = false; });
      all(".picker-list").forEach((list) => list.replaceChildren());
      return;
    }
    if (event.key === "Enter" && event.ctrlKey && event.target.form) { event.target.form.requestSubmit(); return; }
    if (event.key === "ArrowDown" && event.target.closest(".picker")) {
      const options = all("[data-pick]", event.target.closest(".picker"));
      const at = options.indexOf(document.activeElement);
      options[Math.min(options.length - 1, at + 1)]?.focus();
      event.preventDefault();
      return;
    }
    if (typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || one("dialog[open]")) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    if (plainKey(event)) event.preventDefault();
  });

  /* htmx */
  document.addEventListener("htmx:beforeRequest", () => root.classList.add("is-loading"));
  document.addEventListener("htmx:afterRequest", () => root.classList.remove("is-loading"));
  document.addEventListener("htmx:sendError", () => say("网络不通，操作没有提交。请检查网络后重试。", "bad"));
  /* a list answers only the box being typed in, and goes when the picker is left: it must not cover the button below */
  document.addEventListener("htmx:beforeSwap", (event) => {
    const target = event.detail.target;
    if (!target.matches(".picker-list")) return;
    if (document.activeElement !== one("input[type=search]", target.closest(".picker"))) event.detail.shouldSwap = false;
  });
  document.addEventListener("mousedown", (event) => { if (event.target.closest(".picker-list")) event.preventDefault(); });
  document.addEventListener("focusout", (event) => {
    const picker = event.target.closest(".picker");
    if (picker && !picker.contains(event.relatedTarget)) one(".picker-list", picker).replaceChildren();
  });
  document.addEventListener("htmx:confirm", (event) => {
    const text = event.detail.elt.dataset.confirm;
    if (!text) return;
    event.preventDefault();
    ask(text, () => event.detail.issueRequest(true));
  });
  document.addEventListener("htmx:afterSwap", (event) => { all("dialog[data-show]", event.target).forEach((dialog) => { if (!dialog.open) dialog.showModal(); }); });
})();
