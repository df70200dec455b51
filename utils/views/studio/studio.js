// The page of the studio. It puts panels of HTML, which the kernel has made and escaped, into their places,
// and tells the kernel what was pressed. No build step, nothing from elsewhere.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function render({ model, el }) {
  // Labels find their fields by ids, and a page may have several studios, each with a script of its own.
  const own = `kit-studio-${Math.random().toString(36).slice(2)}`;
  const send = (message) => model.send(message);
  const panels = {};

  // A panel of HTML with a title above it.
  function panel(name, title, attributes = {}) {
    const head = make("p", { class: "kit-panel-head" }, title);
    const body = make("div", { class: "kit-panel-body", ...attributes });
    panels[name] = { head, body, box: make("div", { class: `kit-panel kit-panel-${name}` }, head, body) };
    return panels[name].box;
  }

  function button(label, pressed, primary = false) {
    const kind = primary ? "kit-button kit-primary" : "kit-button";
    return make("button", { type: "button", class: kind, onclick: pressed }, label);
  }

  function put(element, html) {
    if (element.dataset.html === html) return;
    element.dataset.html = html;
    element.innerHTML = html;
  }

  // The head, and a status that is read out

  const points = make("span", { class: "kit-points" });
  const head = make("p", { class: "kit-head" }, make("strong", {}, "Studio"), " ", points);
  const outcome = make("div", { role: "status", class: "kit-outcome" });
  const live = make("div", { class: "kit-live" });

  // Asking

  const offered = make("datalist", { id: `${own}-questions` });
  const question = make("input", {
    type: "text", id: `${own}-question`, list: `${own}-questions`, autocomplete: "off",
    placeholder: "What is the weather in Oslo?",
    onkeydown: (event) => { if (event.key === "Enter" && !ask.disabled) ask.click(); },
  });
  const ask = button("Ask", () => send({ do: "ask", text: question.value }), true);
  const fork = button("Fork here: ask this", () => send({ do: "fork", text: question.value }));
  const again = button("Run again from here", () => send({ do: "again" }));
  const why = make("p", { class: "kit-more kit-why", id: `${own}-why` });
  const asking = make("div", { class: "kit-ask" },
    make("label", { for: `${own}-question` }, "Question"), question, offered, ask);

  // The checkpoints: one stop for Tab, arrow keys inside

  const look = button("Look again", () => send({ do: "look" }));
  const compare = button("Compare with this", () => {
    const { against, selected } = model.get("can");
    send({ do: "compare", row: against ? "" : selected });
  });
  const forking = make("div", { class: "kit-row-of-buttons" }, fork, again, compare, look);

  function rows() {
    return [...panels.tree.body.querySelectorAll("[data-row]")];
  }

  function dressTree(focus) {
    const list = panels.tree.body.querySelector(".kit-rows");
    if (!list) return;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Checkpoints");
    const selected = model.get("can").selected;
    for (const row of rows()) {
      const chosen = row.dataset.row === selected;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", chosen);
      row.tabIndex = chosen ? 0 : -1;
      if (chosen) {
        const [top, height] = [row.offsetTop - list.offsetTop, list.clientHeight];
        if (top < list.scrollTop || top + row.offsetHeight > list.scrollTop + height) list.scrollTop = top - height / 2;
        if (focus) row.focus({ preventScroll: true });
      }
    }
  }

  function choose(row) {
    if (row && !model.get("can").busy) send({ do: "select", row: row.dataset.row });
  }

  function moved(event) {
    const all = rows();
    const at = all.indexOf(event.target.closest("[data-row]"));
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || (to === undefined && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    event.stopPropagation();
    const target = to === undefined ? all[at] : all[Math.max(0, Math.min(all.length - 1, to))];
    for (const row of all) row.tabIndex = row === target ? 0 : -1;
    target.focus();
    choose(target);
  }

  // Editing a message of the selected checkpoint

  const which = make("select", { id: `${own}-which`, onchange: () => fill() });
  const words = make("textarea", { id: `${own}-words`, rows: 2 });
  const write = button("Fork here: write this message", () =>
    send({ do: "edit", number: which.selectedIndex + 1, text: words.value }));
  const editing = make("details", { class: "kit-edit" },
    make("summary", {}, "Edit the state"),
    make("label", { for: `${own}-which` }, "Message"), which,
    make("label", { for: `${own}-words` }, "New text"), words,
    make("p", { class: "kit-more" }, "This writes a new checkpoint below the selected one and runs nothing. Then run again from there."),
    write);

  function fill() {
    words.value = model.get("can").messages[which.selectedIndex]?.text ?? "";
  }

  // What waits for a person

  const waiting = make("div", { class: "kit-waiting" });
  const notes = make("div");

  function drawWaiting({ waiting: calls, held, busy }) {
    const drawn = JSON.stringify([calls, held]);
    panels.waits.box.hidden = calls.length === 0;
    if (waiting.dataset.drawn !== drawn) {
      waiting.dataset.drawn = drawn;
      waiting.replaceChildren(...calls.map((call, n) => drawCall(call, n, held)));
    }
    for (const one of waiting.querySelectorAll("button, input, textarea")) one.disabled = busy;
  }

  function drawCall({ id, name, args, kinds, decided }, n, held) {
    const [toArgs, toWords] = [`${own}-args-${n}`, `${own}-message-${n}`];
    const edited = make("textarea", { id: toArgs, rows: Math.min(8, args.split("\n").length + 1), spellcheck: "false" });
    edited.value = args;
    const message = make("input", { type: "text", id: toWords });
    const decide = (kind, field) => () => send({ do: "decide", kind, id, text: field ? field.value : "" });
    const buttons = make("div", { class: "kit-row-of-buttons" },
      button("Approve", decide("approve"), true));
    if (kinds.includes("edit")) buttons.append(button(held ? "Change the arguments" : "Send edited arguments", decide("edit", edited)));
    if (kinds.includes("reject")) {
      const refuse = button("Reject", decide("reject", message));
      refuse.classList.add("kit-refuse");
      buttons.append(refuse);
    }
    if (kinds.includes("respond")) buttons.append(button("Answer instead", decide("respond", message)));
    const title = make("p", { class: "kit-line" }, make("code", {}, name || "a question"));
    if (decided) title.append(make("span", { class: "kit-word" }, `${decided}, not sent yet`));
    const item = make("div", { class: "kit-item" }, title);
    if (kinds.includes("edit")) item.append(make("label", { for: toArgs }, "Arguments"), edited);
    else item.append(make("pre", { tabindex: "0" }, args));
    item.append(make("label", { for: toWords }, "Reason or answer"), message, buttons);
    return item;
  }

  // The whole

  const code = make("div", { class: "kit-code-panel" });
  panel("graph", "Graph");
  panel("talk", "Conversation");
  panel("waits", "Waits for you");
  panel("tree", "Checkpoints", { onkeydown: moved, onclick: (event) => choose(event.target.closest("[data-row]")) });
  panel("state", "What this step made");
  panels.talk.box.append(live, asking, why);
  panels.waits.body.append(waiting, notes);
  panels.tree.box.append(forking);
  panels.state.box.append(editing);
  const root = make("section", {
    class: "kit-view kit-card kit-studio", "aria-label": "Studio",
    // JupyterLab's own keys, such as the arrows between cells, stay out of here.
    "data-lm-suppress-shortcuts": "true",
  }, head, outcome, make("div", { class: "kit-panels" },
    panels.graph.box, panels.talk.box, panels.waits.box, panels.tree.box, panels.state.box), code);
  el.append(root);

  function drawCan() {
    const can = model.get("can");
    offered.replaceChildren(...(can.questions ?? []).map((text) => make("option", { value: text })));
    ask.disabled = can.busy || can.ask !== "";
    fork.disabled = can.busy || can.fork !== "";
    again.disabled = can.busy || !can.again;
    compare.disabled = can.busy || !can.selected;
    look.disabled = write.disabled = can.busy;
    write.disabled = can.busy || can.messages.length === 0;
    compare.textContent = can.against ? `Compare no more with ${can.against}` : "Compare with this";
    why.textContent = can.ask || "";
    why.hidden = !can.ask;
    if (can.ask) ask.setAttribute("aria-describedby", why.id);
    root.setAttribute("aria-busy", can.busy);
    const labels = JSON.stringify(can.messages);
    if (which.dataset.labels !== labels) {
      which.dataset.labels = labels;
      which.replaceChildren(...can.messages.map(({ label }) => make("option", {}, label)));
      which.selectedIndex = can.messages.length - 1;
      fill();
    }
    drawWaiting(can);
  }

  function draw() {
    const inTree = panels.tree.body.contains(document.activeElement);
    const pressed = root.contains(document.activeElement) ? document.activeElement : null;
    points.textContent = model.get("heading");
    put(panels.graph.body, model.get("graph"));
    put(panels.talk.body, model.get("talk"));
    put(live, model.get("live"));
    put(panels.tree.body, model.get("tree"));
    put(panels.state.body, model.get("state"));
    put(outcome, model.get("outcome"));
    put(notes, model.get("notes"));
    const open = code.querySelector("details")?.open;
    put(code, model.get("code"));
    if (open) code.querySelector("details").open = true;
    panels.talk.head.textContent = `Conversation at ${model.get("talk_at")}`;
    panels.state.head.textContent = model.get("state_title");
    panels.waits.head.textContent = model.get("waits_title");
    drawCan();
    dressTree(inTree);
    panels.talk.body.scrollTop = panels.talk.body.scrollHeight;
    // A button that cannot be pressed any more loses the focus: it goes to where the outcome is seen.
    if (pressed && (!pressed.isConnected || pressed.disabled) && !inTree) {
      const row = rows().find((one) => one.tabIndex === 0);
      if (row && !model.get("can").busy) row.focus({ preventScroll: true });
    }
  }

  // What changes together is drawn once.
  let due = false;
  model.on("change", () => {
    if (due) return;
    due = true;
    queueMicrotask(() => { due = false; draw(); });
  });
  draw();
}

export default { render };
